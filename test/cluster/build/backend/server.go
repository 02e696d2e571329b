package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// serve answers on every port until SIGTERM, then drains: /healthz turns to
// 503, requests are answered for drainDelay more, the listeners close, and
// running requests get drainLimit to end.
func serve(s settings) error {
	ready := new(atomic.Bool)
	draining := new(atomic.Bool)
	running := new(atomic.Int64)
	time.AfterFunc(s.startDelay, func() { ready.Store(!draining.Load()) })

	failed := make(chan error, len(s.ports))
	servers := make([]*http.Server, 0, len(s.ports))
	for _, port := range s.ports {
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: handler(s.pod, port, ready, running), ReadHeaderTimeout: 30 * time.Second}
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
		fmt.Printf("%s listening on %s\n", s.pod, listener.Addr())
	}

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-failed:
		return err
	case <-stop:
	}
	draining.Store(true)
	ready.Store(false)
	fmt.Printf("%s draining\n", s.pod)
	time.Sleep(s.drainDelay)
	return shutdown(servers, s.drainLimit)
}

func shutdown(servers []*http.Server, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	results := make(chan error, len(servers))
	for _, server := range servers {
		go func() { results <- server.Shutdown(ctx) }()
	}
	var all error
	for range servers {
		all = errors.Join(all, <-results)
	}
	return all
}
