{{/*
The pods of a role: `combined` watches the API server and serves, `controller` watches, `dataPlane` serves.
Takes a dict of root and role.
*/}}
{{- define "portreeve.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "portreeve.roleLabels" . | nindent 4 }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "portreeve.config" $root | sha256sum }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "portreeve.serviceAccountName" $root }}{{ ternary "-data-plane" "" (eq .role "dataPlane") }}
  automountServiceAccountToken: {{ ne .role "dataPlane" }}
  enableServiceLinks: false
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ include "portreeve.gracePeriodSeconds" $root }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: portreeve
      image: {{ include "portreeve.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        {{- include (printf "portreeve.%sArgs" .role) $root | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        {{- if ne .role "controller" }}
        # Endpoints that are meant for this node or zone are preferred. Kubernetes labels pods with the zone from 1.35 on.
        - name: NODE_NAME
          valueFrom:
            fieldRef:
              fieldPath: spec.nodeName
        {{- $names := list }}
        {{- range $root.Values.extraEnv }}
        {{- $names = append $names .name }}
        {{- end }}
        {{- if not (has "PORTREEVE_ZONE" $names) }}
        - name: PORTREEVE_ZONE
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['topology.kubernetes.io/zone']
        {{- end }}
        {{- end }}
        {{- with $root.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        {{- if ne .role "controller" }}
        {{- range $root.Values.config.listeners }}
        - name: {{ .name }}
          containerPort: {{ .port }}
          protocol: TCP
        {{- end }}
        {{- end }}
        - name: admin
          containerPort: {{ $root.Values.config.admin.port }}
          protocol: TCP
        {{- if eq .role "controller" }}
        - name: stream
          containerPort: {{ $root.Values.controller.port }}
          protocol: TCP
        {{- end }}
        {{- if and $root.Values.webhook.enabled (ne .role "dataPlane") }}
        - name: webhook
          containerPort: {{ $root.Values.webhook.port }}
          protocol: TCP
        {{- end }}
      startupProbe:
        httpGet:
          path: /healthz
          port: admin
        periodSeconds: 1
        timeoutSeconds: 2
        failureThreshold: {{ $root.Values.startupProbe.limitSeconds }}
      livenessProbe:
        httpGet:
          path: /healthz
          port: admin
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet:
          path: /readyz
          port: admin
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      {{- if $root.Values.drain.preStopSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $root.Values.drain.preStopSeconds }}
      {{- end }}
      {{- with ternary $root.Values.controller.resources $root.Values.resources (eq .role "controller") }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        privileged: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: config
          mountPath: /etc/portreeve
          readOnly: true
        {{- if ne .role "controller" }}
        - name: state
          mountPath: /var/lib/portreeve
        {{- end }}
        {{- if eq .role "dataPlane" }}
        - name: controller
          mountPath: /var/run/secrets/portreeve
          readOnly: true
        {{- end }}
        {{- with $root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "portreeve.fullname" $root }}
    {{- if ne .role "controller" }}
    - name: state
      emptyDir:
        sizeLimit: 512Mi
    {{- end }}
    {{- if eq .role "dataPlane" }}
    # Who this pod is, for the controllers alone, and how it knows them. The first of them puts the key there: pods wait for that.
    - name: controller
      projected:
        sources:
          - serviceAccountToken:
              path: token
              audience: portreeve
              expirationSeconds: 3600
          - secret:
              name: {{ include "portreeve.fullname" $root }}-controller-certificate
              items:
                - key: trusted.crt
                  path: ca.crt
    {{- end }}
    {{- with $root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $root.Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    -
      {{- toYaml . | nindent 6 }}
      labelSelector:
        matchLabels:
          {{- include "portreeve.roleLabels" $ | nindent 10 }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
