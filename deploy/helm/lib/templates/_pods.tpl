{{/* What pods have in common, and the two Deployments. */}}

{{- define "rotunda.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.global.user | int64 }}
runAsGroup: {{ .Values.global.user | int64 }}
fsGroup: {{ .Values.global.user | int64 }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "rotunda.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The beginning of a container: dict "root" "name" "arguments", the first of which is the Python module. */}}
{{- define "rotunda.container" -}}
- name: {{ .name }}
  image: {{ include "rotunda.image" .root }}
  imagePullPolicy: {{ .root.Values.global.image.pullPolicy }}
  command: {{ concat (list "python" "-m") .arguments | toJson }}
  securityContext:
    {{- include "rotunda.containerSecurity" .root | nindent 4 }}
{{- end }}

{{/* The beginning of a pod's spec. */}}
{{- define "rotunda.podBase" -}}
serviceAccountName: {{ include "rotunda.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "rotunda.podSecurity" . | nindent 2 }}
{{- with .Values.global.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "rotunda.spread" -}}
{{- range $key, $otherwise := dict "topology.kubernetes.io/zone" .root.Values.global.spread.zones "kubernetes.io/hostname" .root.Values.global.spread.hosts }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: {{ $otherwise }}
  labelSelector:
    matchLabels:
      {{- include "rotunda.selector" $ | nindent 6 }}
  # Of one version: the old pods, which are about to go, do not count.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{- define "rotunda.probes" -}}
startupProbe:
  grpc: {port: 8081, service: live}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  grpc: {port: 8081, service: live}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  grpc: {port: 8081, service: ""}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{/* The Deployment of a part of a service: dict "root" "component" "command". */}}
{{- define "rotunda.deployment" -}}
{{- $root := .root }}
{{- include "rotunda.complete" (dict "defaults" $root.Values.lib.defaults "values" $root.Values "path" "") }}
{{- $values := index $root.Values .component }}
{{- $scaled := or $values.autoscaling.enabled (ne (default "none" $values.autoscaling.by) "none") }}
{{- $name := printf "%s-%s" (include "rotunda.name" $root) .component }}
apiVersion: apps/v1
kind: Deployment
{{ include "rotunda.metadata" (dict "root" $root "name" $name) }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- if not $scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  # A new pod has worked for so long, and callers have heard of it, before an old one goes.
  minReadySeconds: 10
  # Pods may wait for the migrations for so long.
  progressDeadlineSeconds: {{ add $root.Values.migrations.deadline 600 }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}
  selector:
    matchLabels:
      {{- include "rotunda.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "rotunda.podLabels" . | nindent 8 }}
      annotations:
        rotunda/settings: {{ include "rotunda.settings" $root | cat ($root.Values.env | toJson) | sha256sum | trunc 16 }}
        {{- with $root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "rotunda.podBase" $root | nindent 6 }}
      # No preStop: the process itself waits out the delay. Then the answers in flight (the gateway's HTTP first, then
      # gRPC), and some to close connections.
      terminationGracePeriodSeconds: {{ add $root.Values.stop.delay (mul 2 $root.Values.stop.grace) 5 }}
      topologySpreadConstraints:
        {{- include "rotunda.spread" . | trim | nindent 8 }}
      initContainers:
        {{- include "rotunda.awaitMigrations" $root | nindent 8 }}
      containers:
        {{- include "rotunda.container" (dict "root" $root "name" .component "arguments" (list (include "rotunda.module" $root) .command)) | nindent 8 }}
          envFrom:
            - configMapRef: {name: {{ include "rotunda.name" $root }}}
          env:
            {{- include "rotunda.variables" . | trim | nindent 12 }}
          ports:
            {{- if eq .component "api" }}
            - {name: grpc, containerPort: {{ (include "rotunda.own" $root | fromJson).port }}}
            {{- if hasKey $root.Values "http" }}
            - {name: http, containerPort: 8080}
            {{- end }}
            {{- end }}
            - {name: probe, containerPort: 8081}
            - {name: metrics, containerPort: 9090}
          {{- include "rotunda.probes" $root | nindent 10 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            {{- include "rotunda.mounts" $root | nindent 12 }}
      volumes:
        {{- include "rotunda.volumes" . | trim | nindent 8 }}
{{- end }}
