package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// answer is the JSON body of every ordinary reply: who answered, and what reached it.
type answer struct {
	Pod        string              `json:"pod"`
	Port       string              `json:"port"`
	Method     string              `json:"method"`
	Path       string              `json:"path"`
	Query      string              `json:"query"`
	Host       string              `json:"host"`
	Protocol   string              `json:"protocol"`
	Remote     string              `json:"remote"`
	Headers    map[string][]string `json:"headers"`
	BodyLength int64               `json:"bodyLength"`
	// Running counts the requests of this pod that are being answered, this one included, probes not.
	Running int64 `json:"running"`
}

// handler of one port:
//
//	GET  /healthz             200 when ready, else 503
//	POST /healthz?ready=BOOL  sets that (for all ports of this pod)
//	any  /slow?ms=N           answers after N milliseconds
//	any  /status/NNN          answers with that status
//	any  anything else        answers 200
func handler(pod, port string, ready *atomic.Bool, running *atomic.Int64) http.Handler {
	reply := func(w http.ResponseWriter, r *http.Request, status int) {
		// A broken upload shows as a shorter bodyLength than was sent.
		length, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer{
			Pod: pod, Port: port, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
			Host: r.Host, Protocol: r.Proto, Remote: r.RemoteAddr, Headers: r.Header, BodyLength: length,
			Running: running.Load(),
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /healthz", func(w http.ResponseWriter, r *http.Request) {
		value, err := strconv.ParseBool(r.URL.Query().Get("ready"))
		if err != nil {
			http.Error(w, "ready must be true or false", http.StatusBadRequest)
			return
		}
		ready.Store(value)
		reply(w, r, http.StatusOK)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if ready.Load() {
			reply(w, r, http.StatusOK)
		} else {
			reply(w, r, http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(milliseconds(r.URL.Query().Get("ms"), 0)):
			reply(w, r, http.StatusOK)
		case <-r.Context().Done():
		}
	})
	// A plain handler, as a mux would redirect paths such as //a or /a/../b that a gateway's test wants to see.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			running.Add(1)
			defer running.Add(-1)
		}
		switch {
		case r.URL.Path == "/healthz" || r.URL.Path == "/slow":
			mux.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/status/"):
			reply(w, r, statusOf(r.URL.Path))
		default:
			reply(w, r, http.StatusOK)
		}
	})
}

// statusOf /status/NNN; 400 when NNN is no final status.
func statusOf(path string) int {
	status, err := strconv.Atoi(strings.TrimPrefix(path, "/status/"))
	if err != nil || status < 200 || status > 599 {
		return http.StatusBadRequest
	}
	return status
}
