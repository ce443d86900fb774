{{/* What only the gateway has. */}}

{{- define "rotunda.gatewaySettings" -}}
ROTUNDA_HTTP_HOST: 0.0.0.0
ROTUNDA_HTTP_PORT: 8080
ROTUNDA_SIGNING_KEY_FILE: /etc/rotunda/keys/signing-key.json
ROTUNDA_ENCRYPTION_KEY_FILE: /etc/rotunda/keys/encryption-key
ROTUNDA_TRUSTED_PROXIES: {{ .Values.http.trustedProxies | toJson | quote }}
ROTUNDA_BODY_LIMIT: {{ .Values.http.bodyLimit | int64 }}
ROTUNDA_VIEW_DEADLINE: {{ .Values.http.viewDeadline }}
ROTUNDA_SESSION_LIFETIME: {{ .Values.http.sessionLifetime }}
{{- range $class, $rate := .Values.http.rateLimits }}
ROTUNDA_RATE_LIMIT_{{ $class | upper }}: {{ $rate }}
{{- end }}
{{- if .Values.mail.enabled }}
ROTUNDA_MAIL_FROM: {{ .Values.mail.from | quote }}
ROTUNDA_PASSWORD_RESET_URL: {{ .Values.mail.passwordResetUrl | quote }}
{{- end }}
{{- with .Values.oidc }}
{{- if .enabled }}
ROTUNDA_OIDC_ISSUER: {{ .issuer | quote }}
ROTUNDA_OIDC_CLIENT_ID: {{ .clientId | quote }}
ROTUNDA_OIDC_CLIENT_SECRET_FILE: /etc/rotunda/keys/oidc-client-secret
ROTUNDA_OIDC_REDIRECT_URL: {{ .redirectUrl | quote }}
ROTUNDA_OIDC_SCOPE: {{ .scope | quote }}
ROTUNDA_OIDC_AUDIENCE: {{ .audience | quote }}
ROTUNDA_OIDC_ALGORITHMS: {{ .algorithms | toJson | quote }}
ROTUNDA_OIDC_GROUPS_CLAIM: {{ .groupsClaim | quote }}
ROTUNDA_OIDC_PROVISION: {{ .provision }}
ROTUNDA_OIDC_LINK_BY_EMAIL: {{ .linkByEmail }}
{{- end }}
{{- end }}
{{- end }}

{{- define "rotunda.gatewayKeyFiles" -}}
{{- $secrets := .Values.secrets }}
{{ include "rotunda.keyFile" (dict "root" . "secret" $secrets.signingKey "file" "signing-key.json") }}
{{ include "rotunda.keyFile" (dict "root" . "secret" $secrets.encryptionKey "file" "encryption-key") }}
{{- if .Values.oidc.enabled }}
{{ include "rotunda.keyFile" (dict "root" . "secret" $secrets.oidcClientSecret "file" "oidc-client-secret") }}
{{- end }}
{{- end }}

{{- define "rotunda.httpService" -}}
apiVersion: v1
kind: Service
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.name" .)) }}
  {{- with .Values.http.service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Values.http.service.type }}
  selector:
    {{- include "rotunda.selector" (dict "root" . "component" "api") | nindent 4 }}
  ports:
    - {name: http, port: {{ .Values.http.service.port }}, targetPort: http, appProtocol: http}
{{- end }}

{{- define "rotunda.ingress" -}}
{{- if .Values.ingress.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
{{ include "rotunda.metadata" (dict "root" . "name" (include "rotunda.name" .)) }}
  {{- with .Values.ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .Values.ingress.tlsSecret }}
  tls:
    - hosts: [{{ $.Values.ingress.host | quote }}]
      secretName: {{ . }}
  {{- end }}
  rules:
    - host: {{ .Values.ingress.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "rotunda.name" . }}
                port: {name: http}
{{- end }}
{{- end }}
