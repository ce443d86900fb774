{{/* Network policies: whatever is not said here is refused. */}}

{{/* Pods of a service: dict "name" of its chart, "instance", "component". */}}
{{- define "rotunda.peer" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ .name }}
      app.kubernetes.io/instance: {{ .instance }}
      app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Egress to peers at a port: dict "port" "peers", where no peers are any. */}}
{{- define "rotunda.egressTo" -}}
- ports:
    - {protocol: TCP, port: {{ .port }}}
  {{- with .peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "rotunda.ingressFrom" -}}
- ports:
    - {protocol: TCP, port: {{ .port }}}
  {{- with .peers }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "rotunda.egressToDns" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  {{- with .Values.global.networkPolicy.dns }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The head of the policy of a part: dict "root" "component". */}}
{{- define "rotunda.policy" -}}
{{- $name := printf "%s-%s" (include "rotunda.name" .root) .component }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
{{ include "rotunda.metadata" (dict "root" .root "name" $name) }}
spec:
  podSelector:
    matchLabels:
      {{- include "rotunda.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}

{{/* What every process of a service reaches. */}}
{{- define "rotunda.egressOfProcesses" -}}
{{- $global := .Values.global }}
{{ include "rotunda.egressToDns" . }}
{{ include "rotunda.egressTo" $global.networkPolicy.postgres }}
{{ include "rotunda.egressTo" $global.networkPolicy.nats }}
{{- if $global.telemetry.otlpEndpoint }}
{{ include "rotunda.egressTo" (dict "port" (include "rotunda.portOf" $global.telemetry.otlpEndpoint) "peers" $global.telemetry.otlpPeers) }}
{{- end }}
{{- end }}

{{/* The port of a URL. */}}
{{- define "rotunda.portOf" -}}
{{- $url := urlParse . -}}
{{ regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") }}
{{- end }}

{{- define "rotunda.networkPolicies" -}}
{{- if .Values.global.networkPolicy.enabled }}
{{- $root := . }}
{{- $graph := .Values.lib.graph }}
{{- $instance := .Values.global.instance }}
{{- $port := (include "rotunda.own" . | fromJson).port }}
{{- $metrics := dict "port" 9090 "peers" .Values.global.networkPolicy.metrics }}
{{ include "rotunda.policy" (dict "root" . "component" "api") }}
  ingress:
    - ports:
        - {protocol: TCP, port: {{ $port }}}
      from:
        {{- range $caller, $callees := $graph.calls }}
        {{- if has $root.Chart.Name $callees }}
        {{- include "rotunda.peer" (dict "name" $caller "instance" $instance "component" "api") | nindent 8 }}
        {{- end }}
        {{- end }}
        {{- include "rotunda.peer" (dict "name" .Chart.Name "instance" $instance "component" "test") | nindent 8 }}
    {{- include "rotunda.ingressFrom" $metrics | nindent 4 }}
    {{- if hasKey .Values "http" }}
    {{- include "rotunda.httpIngress" . | nindent 4 }}
    {{- end }}
  egress:
    {{- include "rotunda.egressOfProcesses" . | trim | nindent 4 }}
    {{- range index $graph.calls .Chart.Name }}
    - ports:
        - {protocol: TCP, port: {{ (index $graph.services .).port }}}
      to:
        {{- include "rotunda.peer" (dict "name" . "instance" $instance "component" "api") | nindent 8 }}
    {{- end }}
    {{- if hasKey .Values "http" }}
    {{- with include "rotunda.gatewayEgress" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- end }}
---
{{ include "rotunda.policy" (dict "root" . "component" "worker") }}
  ingress:
    {{- include "rotunda.ingressFrom" $metrics | nindent 4 }}
  egress:
    {{- include "rotunda.egressOfProcesses" . | trim | nindent 4 }}
---
{{ include "rotunda.policy" (dict "root" . "component" "migrations") }}
  ingress: []
  egress:
    {{- include "rotunda.egressToDns" . | nindent 4 }}
    {{- include "rotunda.egressTo" .Values.global.networkPolicy.postgres | nindent 4 }}
---
{{ include "rotunda.policy" (dict "root" . "component" "test") }}
  ingress: []
  egress:
    {{- include "rotunda.egressToDns" . | nindent 4 }}
    - ports:
        - {protocol: TCP, port: {{ $port }}}
        {{- if hasKey .Values "http" }}
        - {protocol: TCP, port: 8080}
        {{- end }}
      to:
        {{- include "rotunda.peer" (dict "name" .Chart.Name "instance" $instance "component" "api") | nindent 8 }}
{{- end }}
{{- end }}

{{- define "rotunda.httpIngress" -}}
{{- $peers := .Values.http.peers }}
{{- if $peers }}
{{- $own := include "rotunda.peer" (dict "name" .Chart.Name "instance" .Values.global.instance "component" "test") | fromYamlArray }}
{{- $peers = concat $peers $own }}
{{- end }}
{{- include "rotunda.ingressFrom" (dict "port" 8080 "peers" $peers) }}
{{- end }}

{{- define "rotunda.gatewayEgress" -}}
{{- if .Values.mail.enabled }}
{{ include "rotunda.egressTo" (dict "port" .Values.mail.port "peers" .Values.mail.peers) }}
{{- end }}
{{- if .Values.oidc.enabled }}
{{ include "rotunda.egressTo" (dict "port" (include "rotunda.portOf" .Values.oidc.issuer) "peers" .Values.oidc.peers) }}
{{- end }}
{{- end }}
