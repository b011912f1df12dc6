{{- define "flowtap.labels" -}}
app.kubernetes.io/name: flowtap
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "flowtap.meta" -}}
name: {{ .root.Release.Name }}-{{ .part }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "flowtap.labels" . | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end }}

{{- define "flowtap.config" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "flowtap.meta" . | nindent 2 }}
data:
  flowtap.yaml: |
    {{- toYaml .values.config | nindent 4 }}
{{- end }}

{{- define "flowtap.podMeta" -}}
labels:
  {{- include "flowtap.labels" . | nindent 2 }}
annotations:
  prometheus.io/scrape: "true"
  prometheus.io/port: {{ .root.Values.metricsPort | quote }}
{{- if eq .root.Values.reload "restart" }}
  checksum/config: {{ toYaml .values.config | sha256sum }}
{{- end }}
{{- end }}

{{- define "flowtap.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 60
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "flowtap.container" -}}
image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
livenessProbe:
  httpGet: {path: /healthz, port: {{ .root.Values.metricsPort }}}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: {{ .root.Values.metricsPort }}}
  periodSeconds: 10
  timeoutSeconds: 5
volumeMounts:
  - {name: config, mountPath: /etc/flowtap, readOnly: true}
  - {name: spool, mountPath: /var/lib/flowtap}
{{- range .root.Values.secrets }}
  - {name: secret-{{ . }}, mountPath: /etc/flowtap-secrets/{{ . }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "flowtap.volumes" -}}
- name: config
  configMap: {name: {{ .root.Release.Name }}-{{ .part }}}
{{- range .root.Values.secrets }}
- name: secret-{{ . }}
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
