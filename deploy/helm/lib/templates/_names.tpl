{{/* Names, labels and addresses. All take a service's chart as it is given to its templates, if nothing else is said. */}}

{{- define "rotunda.name" -}}
{{ .Values.global.instance }}-{{ .Chart.Name }}
{{- end }}

{{- define "rotunda.module" -}}
rotunda_{{ .Chart.Name | replace "-" "_" }}
{{- end }}

{{- define "rotunda.own" -}}
{{ index .Values.lib.graph.services .Chart.Name | toJson }}
{{- end }}

{{/* The Kubernetes Service that answers gRPC. */}}
{{- define "rotunda.grpcName" -}}
{{ .Values.global.instance }}-{{ (include "rotunda.own" . | fromJson).host }}
{{- end }}

{{- define "rotunda.image" -}}
{{ .Values.global.image.registry }}/{{ .Values.image.repository | default .Chart.Name }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "rotunda.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "rotunda.name" .) }}
{{- end }}

{{/* The name of a Secret that a value refers to: dict "root" "secret". */}}
{{- define "rotunda.secretName" -}}
{{ .secret.name | default (include "rotunda.name" .root) }}
{{- end }}

{{- define "rotunda.tlsSecret" -}}
{{ .Values.secrets.tls.name | default (printf "%s-tls" (include "rotunda.name" .)) }}
{{- end }}

{{/* What pods of a part of a service are known by, for good: dict "root" "component". */}}
{{- define "rotunda.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Values.global.instance }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "rotunda.podLabels" -}}
{{ include "rotunda.selector" . }}
app.kubernetes.io/part-of: rotunda
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "rotunda.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Values.global.instance }}
app.kubernetes.io/part-of: rotunda
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The metadata of an object: dict "root" "name". */}}
{{- define "rotunda.metadata" -}}
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "rotunda.labels" .root | nindent 4 }}
{{- end }}
