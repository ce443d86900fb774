{{/* What processes are told. */}}

{{- define "rotunda.settings" -}}
{{- $global := .Values.global }}
ROTUNDA_GRPC_HOST: 0.0.0.0
ROTUNDA_GRPC_PORT: {{ (include "rotunda.own" . | fromJson).port }}
ROTUNDA_PROBE_PORT: 8081
ROTUNDA_METRICS_PORT: 9090
ROTUNDA_LOG_LEVEL: {{ .Values.logLevel }}
ROTUNDA_RECONCILE_INTERVAL: {{ .Values.reconcileInterval }}
ROTUNDA_RECYCLE_BIN_DAYS: {{ .Values.recycleBinDays }}
ROTUNDA_STOP_DELAY: {{ .Values.stop.delay }}
ROTUNDA_STOP_GRACE: {{ .Values.stop.grace }}
ROTUNDA_MAX_IN_FLIGHT: {{ .Values.maxInFlight }}
ROTUNDA_TOKEN_KEYS_FILE: /etc/rotunda/keys/token-keys.json
ROTUNDA_AUDIT_KEYS_FILE: /etc/rotunda/keys/audit-keys.json
{{- range index .Values.lib.graph.calls .Chart.Name }}
{{- $callee := index $.Values.lib.graph.services . }}
ROTUNDA_{{ $callee.host | replace "-" "_" | upper }}_ADDRESS: dns:///{{ $global.instance }}-{{ $callee.host }}:{{ $callee.port }}
{{- end }}
{{- if $global.telemetry.otlpEndpoint }}
ROTUNDA_OTLP_ENDPOINT: {{ $global.telemetry.otlpEndpoint }}
ROTUNDA_TRACE_SAMPLE_RATIO: {{ $global.telemetry.traceSampleRatio }}
{{- end }}
{{- if $global.tls.enabled }}
{{ include "rotunda.tlsSettings" . }}
{{- end }}
{{- if hasKey .Values "http" }}
{{ include "rotunda.gatewaySettings" . }}
{{- end }}
{{- end }}

{{- define "rotunda.tlsSettings" -}}
ROTUNDA_TLS_CERT_FILE: /etc/rotunda/tls/tls.crt
ROTUNDA_TLS_KEY_FILE: /etc/rotunda/tls/tls.key
ROTUNDA_TLS_CA_FILE: /etc/rotunda/tls/ca.crt
ROTUNDA_TLS_CLIENT_AUTH: {{ .Values.global.tls.clientAuth }}
{{- end }}

{{/* Refuses that a value was set to null: dict "defaults" "values" "path". */}}
{{- define "rotunda.complete" -}}
{{- range $key, $default := .defaults }}
{{- $path := printf "%s%s" $.path $key }}
{{- if not (hasKey $.values $key) }}
{{- fail (printf "%s: must not be null" $path) }}
{{- end }}
{{- if kindIs "map" $default }}
{{- include "rotunda.complete" (dict "defaults" $default "values" (get $.values $key) "path" (printf "%s." $path)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "rotunda.configMap" -}}
{{- $settings := include "rotunda.settings" . | fromYaml }}
{{- range $name, $_ := .Values.env }}
{{- if hasKey $settings $name }}
{{- fail (printf "env.%s: the chart sets it from other values" $name) }}
{{- end }}
{{- end }}
apiVersion: v1
kind: ConfigMap
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.name" .)) }}
data:
  {{- range $name, $value := merge $settings .Values.env }}
  {{ $name }}: {{ include "rotunda.text" $value | quote }}
  {{- end }}
{{- end }}

{{/* A value as a process reads it. Numbers of JSON are floats, of which the big ones would be written with exponents. */}}
{{- define "rotunda.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* An environment variable from a Secret: dict "root" "name" "secret". */}}
{{- define "rotunda.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ include "rotunda.secretName" . }}
      key: {{ .secret.key }}
{{- end }}

{{- define "rotunda.databaseVariables" -}}
{{ include "rotunda.secretVariable" (dict "root" . "name" "ROTUNDA_DATABASE_URL" "secret" .Values.secrets.database) }}
- name: ROTUNDA_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end }}

{{/* The settings of a container that are not in the ConfigMap: dict "root" "component". */}}
{{- define "rotunda.variables" -}}
{{- $values := .root.Values }}
{{ include "rotunda.secretVariable" (dict "root" .root "name" "ROTUNDA_DATABASE_URL" "secret" $values.secrets.database) }}
{{ include "rotunda.secretVariable" (dict "root" .root "name" "ROTUNDA_NATS_URL" "secret" $values.secrets.nats) }}
{{- if and (hasKey $values "http") (eq .component "api") $values.mail.enabled }}
{{ include "rotunda.secretVariable" (dict "root" .root "name" "ROTUNDA_SMTP_URL" "secret" $values.secrets.smtp) }}
{{- end }}
- name: ROTUNDA_DATABASE_POOL_SIZE
  value: {{ (index $values .component).databasePoolSize | quote }}
{{- end }}

{{/* A file of /etc/rotunda/keys from a Secret: dict "root" "secret" "file". */}}
{{- define "rotunda.keyFile" -}}
- secret:
    name: {{ include "rotunda.secretName" . }}
    items:
      - {key: {{ .secret.key }}, path: {{ .file }}}
{{- end }}

{{/* The volumes of a pod: dict "root" "component". A process gets no key that it does not use. */}}
{{- define "rotunda.volumes" -}}
{{- $values := .root.Values }}
{{- $tokenKeys := $values.global.tokenKeys }}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
- name: keys
  projected:
    defaultMode: 0440
    sources:
      - configMap:
          name: {{ $tokenKeys.configMap | default (printf "%s-token-keys" $values.global.instance) }}
          items:
            - {key: {{ $tokenKeys.key }}, path: token-keys.json}
      {{- if eq .component "worker" }}
      {{- include "rotunda.keyFile" (dict "root" .root "secret" $values.secrets.auditKeys "file" "audit-keys.json") | trim | nindent 6 }}
      {{- else if hasKey $values "http" }}
      {{- include "rotunda.gatewayKeyFiles" .root | trim | nindent 6 }}
      {{- end }}
{{- if $values.global.tls.enabled }}
{{ include "rotunda.tlsVolume" .root }}
{{- end }}
{{- end }}

{{- define "rotunda.tlsVolume" -}}
- name: tls
  secret:
    secretName: {{ include "rotunda.tlsSecret" . }}
    defaultMode: 0440
{{- end }}

{{- define "rotunda.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: keys, mountPath: /etc/rotunda/keys, readOnly: true}
{{- if .Values.global.tls.enabled }}
- {name: tls, mountPath: /etc/rotunda/tls, readOnly: true}
{{- end }}
{{- end }}
