package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// settings of the server, each from an environment variable.
type settings struct {
	// pod is what answers name as "pod": POD_NAME, else the host name (which in a pod is the pod's name).
	pod string
	// ports to listen on: PORTS, separated by commas; default 8080.
	ports []string
	// startDelay before /healthz answers 200: START_DELAY_MS; default 0.
	startDelay time.Duration
	// drainDelay between SIGTERM and the closing of the listeners, in which
	// requests are still answered: DRAIN_DELAY_MS; default 0.
	drainDelay time.Duration
	// drainLimit for running requests after that: DRAIN_LIMIT_MS; default 25 s.
	drainLimit time.Duration
}

func settingsFromEnv() settings {
	pod := os.Getenv("POD_NAME")
	if pod == "" {
		pod, _ = os.Hostname()
	}
	ports := os.Getenv("PORTS")
	if ports == "" {
		ports = "8080"
	}
	return settings{
		pod:        pod,
		ports:      strings.Split(ports, ","),
		startDelay: milliseconds(os.Getenv("START_DELAY_MS"), 0),
		drainDelay: milliseconds(os.Getenv("DRAIN_DELAY_MS"), 0),
		drainLimit: milliseconds(os.Getenv("DRAIN_LIMIT_MS"), 25*time.Second),
	}
}

// milliseconds of text, or fallback when it is not a whole number of at least 0.
func milliseconds(text string, fallback time.Duration) time.Duration {
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 {
		return fallback
	}
	return time.Duration(value) * time.Millisecond
}
