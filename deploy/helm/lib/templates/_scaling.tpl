{{/* How many pods there are, and how many may be missing. All take dict "root" "component". */}}

{{- define "rotunda.disruptionBudget" -}}
{{- $name := printf "%s-%s" (include "rotunda.name" .root) .component }}
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "rotunda.metadata" (dict "root" .root "name" $name) }}
spec:
  maxUnavailable: {{ (index .root.Values .component).maxUnavailable }}
  # A pod that does not work anyway holds no node up.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "rotunda.selector" . | nindent 6 }}
{{- end }}

{{- define "rotunda.autoscaler" -}}
{{- $scaling := (index .root.Values .component).autoscaling }}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}
{{- fail (printf "%s.autoscaling: minReplicas is more than maxReplicas" .component) }}
{{- end }}
{{- if or $scaling.enabled (eq (default "none" $scaling.by) "cpu") }}
{{- $name := printf "%s-%s" (include "rotunda.name" .root) .component }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
{{ include "rotunda.metadata" (dict "root" .root "name" $name) }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name }}}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ $scaling.cpuPercent }}}
{{- else if eq (default "none" $scaling.by) "lag" }}
{{ include "rotunda.scaledObject" . }}
{{- end }}
{{- end }}

{{/* KEDA. Never to zero: what nobody relays, nobody hears of, and no lag would show it. */}}
{{- define "rotunda.scaledObject" -}}
{{- $root := .root }}
{{- $name := printf "%s-%s" (include "rotunda.name" $root) .component }}
{{- $scaling := (index $root.Values .component).autoscaling }}
{{- $nats := $root.Values.global.nats }}
{{- $service := (include "rotunda.own" $root | fromJson).host }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
{{ include "rotunda.metadata" (dict "root" $root "name" $name) }}
spec:
  scaleTargetRef: {name: {{ $name }}}
  minReplicaCount: {{ $scaling.minReplicas }}
  maxReplicaCount: {{ $scaling.maxReplicas }}
  triggers:
    {{- range index $root.Values.lib.graph.hears $root.Chart.Name }}
    - type: nats-jetstream
      metadata:
        natsServerMonitoringEndpoint: {{ required "global.nats.monitoring: KEDA reads the lag there; say host:port, for example nats:8222" $nats.monitoring | quote }}
        account: {{ $nats.account | quote }}
        stream: {{ upper . }}
        consumer: {{ $service }}-from-{{ . | replace "_" "-" }}
        lagThreshold: {{ $scaling.lagPerReplica | int64 | quote }}
    {{- end }}
{{- end }}
