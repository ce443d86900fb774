{{/* What the Prometheus operator is told. */}}

{{- define "rotunda.monitorLabels" -}}
{{- with .Values.global.monitoring.labels }}
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{- define "rotunda.podMonitor" -}}
{{- $monitoring := .Values.global.monitoring }}
{{- if $monitoring.podMonitor }}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.name" .)) }}
    {{- include "rotunda.monitorLabels" . }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .Chart.Name }}
      app.kubernetes.io/instance: {{ .Values.global.instance }}
    matchExpressions:
      - {key: app.kubernetes.io/component, operator: In, values: [api, worker]}
  podMetricsEndpoints:
    - port: metrics
      interval: {{ $monitoring.interval }}
      # The alerts select by these.
      relabelings:
        - {sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_name], targetLabel: service}
        - {sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_component], targetLabel: component}
{{- end }}
{{- end }}

{{- define "rotunda.prometheusRule" -}}
{{- $monitoring := .Values.global.monitoring }}
{{- if $monitoring.alerts }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.name" .)) }}
    {{- include "rotunda.monitorLabels" . }}
spec:
  groups:
    - name: {{ include "rotunda.name" . }}
      rules:
        {{- range $alert, $rule := include "rotunda.alerts" . | fromYaml }}
        - alert: {{ $alert }}
          expr: {{ $rule.expr | trim | quote }}
          for: {{ $rule.for }}
          labels: {service: {{ $.Chart.Name }}, severity: {{ $rule.severity }}}
          annotations:
            summary: {{ $rule.summary | quote }}
            runbook_url: {{ required "global.monitoring.runbooks: alerts name their pages there; say where docs/runbooks can be read" $monitoring.runbooks | trimSuffix "/" }}/{{ $alert | trimPrefix "Rotunda" | kebabcase }}.md#what-to-do
        {{- end }}
{{- end }}
{{- end }}

{{/* Each alert has a page in docs/runbooks, whose name is its own without "Rotunda". */}}
{{- define "rotunda.alerts" -}}
{{- $of := printf "namespace=\"%s\",service=\"%s\"" .Release.Namespace .Chart.Name }}
{{- $name := .Chart.Name }}
{{- $bounds := .Values.alerts }}
{{- $failed := "rpc_grpc_status_code=~\"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS\"" }}
RotundaApiAway:
  expr: absent(rotunda_database_pool_size{ {{- $of }},component="api"})
  for: 3m
  severity: critical
  summary: No API process of {{ $name }} tells anything.
RotundaWorkerAway:
  expr: absent(rotunda_outbox_unsent{ {{- $of }},component="worker"})
  for: 5m
  severity: critical
  summary: No worker of {{ $name }} says what waits in its outbox.
RotundaConsumerLag:
  expr: max by (source) (rotunda_consumer_lag{ {{- $of }}}) > {{ $bounds.consumerLag | int64 }}
  for: 10m
  severity: warning
  summary: {{ $name }} is behind with the events of {{ "{{ $labels.source }}" }}.
RotundaOutboxOld:
  expr: max(rotunda_outbox_oldest_age_seconds{ {{- $of }}}) > {{ $bounds.outboxAge }}
  for: 5m
  severity: critical
  summary: Changes in {{ $name }} are not told to the others.
RotundaDeadLetters:
  expr: max(rotunda_dead_letters{ {{- $of }}}) > 0
  for: 1m
  severity: warning
  summary: {{ $name }} could not take in events.
RotundaAuditUnchained:
  expr: max(rotunda_audit_unchained_oldest_age_seconds{ {{- $of }}}) > {{ $bounds.auditAge }}
  for: 5m
  severity: warning
  summary: Entries of the audit trail of {{ $name }} are not chained, so that a change of them would not be noticed.
RotundaCallErrors:
  expr: >-
    sum(rate(rpc_server_duration_seconds_count{ {{- $of }},{{ $failed }}}[5m]))
    / sum(rate(rpc_server_duration_seconds_count{ {{- $of }}}[5m])) > {{ $bounds.callErrors }}
  for: 10m
  severity: critical
  summary: Calls of {{ $name }} fail.
RotundaSlowCalls:
  expr: >-
    histogram_quantile(0.99, sum by (le) (rate(rpc_server_duration_seconds_bucket{ {{- $of }}}[5m]))) > {{ $bounds.callSeconds }}
  for: 10m
  severity: warning
  summary: One call of {{ $name }} in a hundred is slow.
RotundaPoolExhausted:
  expr: max by (pod, pool) (rotunda_database_pool_in_use{ {{- $of }}} / rotunda_database_pool_size{ {{- $of }}}) > {{ $bounds.poolInUse }}
  for: 5m
  severity: warning
  summary: Connections to the database of {{ $name }} run short.
RotundaRequestsShed:
  expr: sum by (reason) (rate(rotunda_requests_shed_total{ {{- $of }}}[5m])) > {{ $bounds.shedPerSecond }}
  for: 10m
  severity: warning
  summary: {{ $name }} refuses what is too much ({{ "{{ $labels.reason }}" }}).
{{- if hasKey .Values "http" }}
RotundaHttpErrors:
  expr: >-
    sum(rate(http_server_request_duration_seconds_count{ {{- $of }},http_response_status_code=~"5.."}[5m]))
    / sum(rate(http_server_request_duration_seconds_count{ {{- $of }}}[5m])) > {{ $bounds.callErrors }}
  for: 10m
  severity: critical
  summary: Requests fail.
RotundaSlowRequests:
  expr: >-
    histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket{ {{- $of }}}[5m]))) > {{ $bounds.callSeconds }}
  for: 10m
  severity: warning
  summary: One request in a hundred is slow.
{{- end }}
{{- end }}
