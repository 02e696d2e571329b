{{- define "portreeve.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the objects; at most 50 characters, so that suffixes fit. */}}
{{- define "portreeve.fullname" -}}
{{- $name := include "portreeve.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/*
Name of objects of the cluster, and of the controller in statuses: two releases of one name in two namespaces must not
share them.
*/}}
{{- define "portreeve.clusterName" -}}
{{- $name := include "portreeve.fullname" . -}}
{{- if eq .Release.Namespace $name -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Namespace $name -}}
{{- end -}}
{{- end -}}

{{- define "portreeve.selectorLabels" -}}
app.kubernetes.io/name: {{ include "portreeve.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of the controllers of shape `split`. */}}
{{- define "portreeve.controllerLabels" -}}
app.kubernetes.io/name: {{ include "portreeve.name" . | trunc 52 | trimSuffix "-" }}-controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of the pods that watch the API server, whatever the shape. */}}
{{- define "portreeve.watcherLabels" -}}
{{- include (ternary "portreeve.controllerLabels" "portreeve.selectorLabels" (eq .Values.shape "split")) . -}}
{{- end -}}

{{- define "portreeve.roleLabels" -}}
{{- include (ternary "portreeve.controllerLabels" "portreeve.selectorLabels" (eq .role "controller")) .root -}}
{{- end -}}

{{- define "portreeve.labels" -}}
{{ include "portreeve.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{- define "portreeve.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "portreeve.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "portreeve.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Seconds, rounded up, of a duration such as 1m30s. */}}
{{- define "portreeve.seconds" -}}
{{- $ms := 0 -}}
{{- $units := dict "h" 3600000 "m" 60000 "s" 1000 "ms" 1 -}}
{{- range regexFindAll "[0-9]+(ms|h|m|s)" . -1 -}}
{{- $ms = add $ms (mul (regexFind "[0-9]+" . | atoi) (get $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- div (add $ms 999) 1000 -}}
{{- end -}}

{{/* preStop + drain + 5 s: the program gives requests two seconds after the drain to be cut off, and closes. */}}
{{- define "portreeve.gracePeriodSeconds" -}}
{{- $least := add .Values.drain.preStopSeconds (include "portreeve.seconds" .Values.config.timeouts.drain | atoi) 5 -}}
{{- $own := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $own -}}
{{- $least -}}
{{- else if lt (int64 $own) $least -}}
{{- fail (printf "terminationGracePeriodSeconds: %d cuts requests off; drain.preStopSeconds and config.timeouts.drain need at least %d (or leave it null)" (int64 $own) $least) -}}
{{- else -}}
{{- int64 $own -}}
{{- end -}}
{{- end -}}

{{/* Names of Secrets that may be read, by namespace, in JSON: those of secrets.named, and the certificates of listeners. */}}
{{- define "portreeve.namedSecrets" -}}
{{- $named := dict -}}
{{- range $namespace, $names := .Values.secrets.named -}}
{{- $_ := set $named $namespace $names -}}
{{- end -}}
{{- if not .Values.secrets.allNamespaces -}}
{{- range .Values.config.listeners -}}
{{- range (default dict .tls).certificateRefs -}}
{{- $namespace := .namespace | default $.Values.config.policyNamespace | default $.Release.Namespace -}}
{{- $_ := set $named $namespace (append (default list (get $named $namespace)) .name | uniq) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $named -}}
{{- end -}}

{{/* Refuses what the schema can't see. */}}
{{- define "portreeve.check" -}}
{{- $names := list -}}
{{- range .Values.config.listeners -}}
{{- if not (and .name .port) -}}
{{- fail "config.listeners: each needs a name and a port other than 0, as it is a port of the Service" -}}
{{- end -}}
{{- if or (gt (len .name) 15) (not (regexMatch "^[a-z0-9-]*[a-z][a-z0-9-]*$" .name)) (has .name (list "admin" "webhook")) -}}
{{- fail (printf "config.listeners: %q can't be the name of a port: at most 15 characters, at least one letter, and neither \"admin\" nor \"webhook\"" .name) -}}
{{- end -}}
{{- if eq (int .port) (int $.Values.config.admin.port) -}}
{{- fail (printf "config.listeners: %q has the port of config.admin" .name) -}}
{{- end -}}
{{- if and $.Values.webhook.enabled (eq (int .port) (int $.Values.webhook.port)) -}}
{{- fail (printf "config.listeners: %q has the port of webhook" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- range $field := list "ports" "nodePorts" -}}
{{- range $name, $_ := default dict (get $.Values.service $field) -}}
{{- if not (has $name $names) -}}
{{- fail (printf "service.%s: there is no listener %q in config.listeners; there is %s (null takes a default away)" $field $name (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.args (eq .Values.shape "split") -}}
{{- fail "args: leave it empty with shape split, whose pods are of two kinds" -}}
{{- end -}}
{{- if and .Values.watch.namespaces .Values.watch.namespaceSelector -}}
{{- fail "watch: set namespaces or namespaceSelector, not both" -}}
{{- end -}}
{{- if and (or .Values.secrets.named .Values.secrets.namespaces) .Values.secrets.allNamespaces -}}
{{- fail "secrets: allNamespaces leaves nothing to named and namespaces" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.adminService.enabled) -}}
{{- fail "serviceMonitor.enabled needs adminService.enabled" -}}
{{- end -}}
{{- end -}}

{{/* An address and a port as the program's options have them. Takes the root and a port; the address is that of the admin server. */}}
{{- define "portreeve.listen" -}}
{{- $address := default "0.0.0.0" (index . 0).Values.config.admin.address -}}
{{ printf "%s:%v" (contains ":" $address | ternary (printf "[%s]" $address) $address) (index . 1) }}
{{- end -}}

{{- define "portreeve.combinedArgs" -}}
{{- if .Values.args -}}
{{ toYaml .Values.args }}
{{- else -}}
- controller
- --replica-service={{ include "portreeve.fullname" . }}-replicas
- --state-dir=/var/lib/portreeve
{{ include "portreeve.watcherArgs" . }}
{{- end -}}
{{- end -}}

{{/* The pods' own configuration. Those that serve find out themselves how many they are, whoever scales them. */}}
{{- define "portreeve.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $limits := $config.rateLimits | default dict -}}
{{- if not $limits.replicas -}}
{{- $name := printf "%s-replicas.%s.svc" (include "portreeve.fullname" .) .Release.Namespace -}}
{{- $_ := set $config "rateLimits" (merge (dict "replicas" (dict "dns" $name)) $limits) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "portreeve.controllerArgs" -}}
{{- $name := printf "%s-controller" (include "portreeve.fullname" .) -}}
- controller
- --no-traffic
- --replica-service={{ $name }}
- {{ printf "--stream=%s" (include "portreeve.listen" (list . .Values.controller.port)) | quote }}
- --stream-service={{ .Release.Namespace }}/{{ $name }}
- --stream-service-account={{ .Release.Namespace }}/{{ include "portreeve.serviceAccountName" . }}-data-plane
- --stream-certificate-lifetime={{ .Values.controller.certificateLifetime }}
{{ include "portreeve.watcherArgs" . }}
{{- end -}}

{{- define "portreeve.dataPlaneArgs" -}}
- data-plane
- --controller=https://{{ include "portreeve.fullname" . }}-controller.{{ .Release.Namespace }}.svc:{{ .Values.controller.port }}
- --token-file=/var/run/secrets/portreeve/token
- --ca-file=/var/run/secrets/portreeve/ca.crt
- --config-file=/etc/portreeve/portreeve.yaml
- --log-level={{ .Values.logLevel }}
- --state-dir=/var/lib/portreeve
{{- end -}}

{{- define "portreeve.watcherArgs" -}}
- --config-file=/etc/portreeve/portreeve.yaml
- --log-level={{ .Values.logLevel }}
- --name={{ include "portreeve.clusterName" . }}
{{- if .Values.webhook.enabled }}
- {{ printf "--webhook-address=%s" (include "portreeve.listen" (list . .Values.webhook.port)) | quote }}
- --webhook-service={{ .Release.Namespace }}/{{ include "portreeve.fullname" . }}-webhook
- --webhook-certificate-lifetime={{ .Values.webhook.certificateLifetime }}
{{- end }}
{{- with .Values.watch.namespaces }}
- --namespace={{ join "," . }}
{{- end }}
{{- with .Values.watch.namespaceSelector }}
- {{ printf "--namespace-selector=%s" . | quote }}
{{- end }}
{{- end -}}

{{/* What the controller does in a namespace that it watches. */}}
{{- define "portreeve.watchRules" -}}
- apiGroups: [portreeve.dev]
  resources: [gatewayroutes, ratelimitpolicies, consumers]
  verbs: [get, list, watch]
- apiGroups: [portreeve.dev]
  resources: [gatewayroutes/status, ratelimitpolicies/status, consumers/status]
  verbs: [patch]
- apiGroups: ['']
  resources: [services]
  verbs: [get, list, watch]
# Each that a policy refers to is watched alone.
- apiGroups: ['']
  resources: [configmaps]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{/* Secrets of these names, or all. The controller watches each that is referred to alone, so names do. */}}
{{- define "portreeve.secretRules" -}}
- apiGroups: ['']
  resources: [secrets]
  {{- with . }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [get, list, watch]
{{- end -}}

{{/* The program looks for this name, made of its --webhook-service. */}}
{{- define "portreeve.webhookName" -}}
{{- printf "%s-%s-webhook" .Release.Namespace (include "portreeve.fullname" .) -}}
{{- end -}}

{{- define "portreeve.subjects" -}}
- kind: ServiceAccount
  name: {{ include "portreeve.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
