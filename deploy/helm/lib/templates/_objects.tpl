{{/* The smaller objects beside the Deployments. */}}

{{/* Headless, so that gRPC sees every pod and spreads its calls over them. */}}
{{- define "rotunda.grpcService" -}}
{{- $port := (include "rotunda.own" . | fromJson).port }}
apiVersion: v1
kind: Service
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.grpcName" .)) }}
spec:
  clusterIP: None
  selector:
    {{- include "rotunda.selector" (dict "root" . "component" "api") | nindent 4 }}
  ports:
    - {name: grpc, port: {{ $port }}, targetPort: grpc, appProtocol: grpc}
{{- end }}

{{- define "rotunda.serviceAccountObject" -}}
{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.serviceAccount" .)) }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{- define "rotunda.certificate" -}}
{{- $tls := .Values.global.tls }}
{{- if and $tls.enabled $tls.certManager.enabled }}
{{- $host := include "rotunda.grpcName" . }}
apiVersion: cert-manager.io/v1
kind: Certificate
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.name" .)) }}
spec:
  secretName: {{ include "rotunda.tlsSecret" . }}
  dnsNames:
    - {{ $host }}
    - {{ $host }}.{{ .Release.Namespace }}
    - {{ $host }}.{{ .Release.Namespace }}.svc
  usages: [digital signature, key encipherment, server auth, client auth]
  privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Always}
  issuerRef:
    group: cert-manager.io
    kind: {{ $tls.certManager.issuerKind }}
    name: {{ $tls.certManager.issuer }}
{{- end }}
{{- end }}

{{/* `helm test`: whether what was installed answers. */}}
{{- define "rotunda.test" -}}
{{- $name := include "rotunda.name" . }}
{{- $urls := list (printf "grpc://%s:%v" (include "rotunda.grpcName" .) (include "rotunda.own" . | fromJson).port) }}
{{- if hasKey .Values "http" }}
{{- $urls = append $urls (printf "http://%s:%v/readyz" $name .Values.http.service.port) }}
{{- end }}
apiVersion: v1
kind: Pod
metadata:
  name: {{ $name }}-test
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "rotunda.podLabels" (dict "root" . "component" "test") | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  {{- include "rotunda.podBase" . | nindent 2 }}
  restartPolicy: Never
  containers:
    {{- include "rotunda.container" (dict "root" . "name" "probe" "arguments" (prepend $urls "rotunda_kit.probe")) | nindent 4 }}
      {{- if .Values.global.tls.enabled }}
      env:
        {{- range $setting, $value := include "rotunda.tlsSettings" . | fromYaml }}
        - {name: {{ $setting }}, value: {{ $value | quote }}}
        {{- end }}
      {{- end }}
      resources:
        requests: {cpu: 50m, memory: 64Mi}
        limits: {memory: 256Mi}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if .Values.global.tls.enabled }}
        - {name: tls, mountPath: /etc/rotunda/tls, readOnly: true}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
    {{- if .Values.global.tls.enabled }}
    {{- include "rotunda.tlsVolume" . | nindent 4 }}
    {{- end }}
{{- end }}
