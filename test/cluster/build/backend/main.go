// Backend is the tests' HTTP server behind Services, and a small tool box for
// `kubectl exec`, because its image holds no other program.
//
//	backend [serve]          answers requests, see server.go
//	backend resolve NAME...  prints the addresses of each name, one a line
//	backend get URL          prints the body; exit code 1 unless the status is 2xx
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

func main() {
	command, args := "serve", []string(nil)
	if len(os.Args) > 1 {
		command, args = os.Args[1], os.Args[2:]
	}
	var err error
	switch command {
	case "serve":
		err = serve(settingsFromEnv())
	case "resolve":
		err = resolve(os.Stdout, args)
	case "get":
		err = get(os.Stdout, args)
	default:
		err = fmt.Errorf("unknown command %q: use serve, resolve or get", command)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "backend:", err)
		os.Exit(1)
	}
}

func resolve(out io.Writer, names []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, name := range names {
		addresses, err := net.DefaultResolver.LookupHost(ctx, name)
		if err != nil {
			return err
		}
		slices.Sort(addresses)
		for _, address := range addresses {
			fmt.Fprintln(out, address)
		}
	}
	return nil
}

func get(out io.Writer, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("get wants one URL")
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(args[0])
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}
