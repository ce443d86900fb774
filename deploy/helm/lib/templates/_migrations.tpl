{{/* The migrations: a Job of each release, and a container that waits for them.

Neither is a hook. Before an upgrade, a hook would run without what the release brings (a first one without its service
account); after it, the release would wait for pods that wait for the hook. */}}

{{- define "rotunda.migrationSpec" -}}
backoffLimit: 6
activeDeadlineSeconds: {{ .Values.migrations.deadline }}
template:
  metadata:
    labels:
      {{- include "rotunda.podLabels" (dict "root" . "component" "migrations") | nindent 6 }}
  spec:
    {{- include "rotunda.podBase" . | nindent 4 }}
    restartPolicy: Never
    containers:
      {{- include "rotunda.container" (dict "root" . "name" "migrate" "arguments" (list (include "rotunda.module" .) "migrate")) | nindent 6 }}
        env:
          {{- include "rotunda.databaseVariables" . | nindent 10 }}
        resources:
          {{- toYaml .Values.migrations.resources | nindent 10 }}
        volumeMounts:
          - {name: tmp, mountPath: /tmp}
    volumes:
      - name: tmp
        emptyDir: {sizeLimit: 256Mi}
{{- end }}

{{/* A Job can not be changed, so whatever is different makes another: its name has the hash of what it does. */}}
{{- define "rotunda.migrationJob" -}}
{{- if .Values.migrations.job }}
{{- $spec := include "rotunda.migrationSpec" . }}
{{- $name := printf "%s-migrate-%s" (include "rotunda.name" .) ($spec | sha256sum | trunc 10) }}
apiVersion: batch/v1
kind: Job
{{ include "rotunda.metadata" (dict "root" . "name" $name) }}
    app.kubernetes.io/component: migrations
spec:
  {{- $spec | nindent 2 }}
{{- end }}
{{- end }}

{{- define "rotunda.awaitMigrations" -}}
{{ include "rotunda.container" (dict "root" . "name" "await-migrations" "arguments" (list (include "rotunda.module" .) "await-migrations" "--timeout" (.Values.migrations.wait | toString))) }}
  env:
    {{- include "rotunda.databaseVariables" . | nindent 4 }}
  resources:
    {{- toYaml .Values.migrations.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end }}
