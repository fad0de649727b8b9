// Command devstore serves one directory as a plain S3 store, for tests.
//
// The credential comes from the environment: DEVSTORE_ACCESS_KEY and
// DEVSTORE_SECRET_KEY. SIGINT and SIGTERM end it with status 0.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caddy-s3-sse/caddy-s3-sse/integration/posixstore"
)

func main() {
	dir := flag.String("dir", "", "directory to keep objects in (absolute path)")
	addr := flag.String("addr", "127.0.0.1:7070", "address to listen on")
	region := flag.String("region", "us-east-1", "region clients sign for")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := posixstore.Run(ctx, posixstore.Options{
		Dir:       *dir,
		Addr:      *addr,
		Region:    *region,
		AccessKey: os.Getenv("DEVSTORE_ACCESS_KEY"),
		SecretKey: os.Getenv("DEVSTORE_SECRET_KEY"),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "devstore:", err)
		stop()
		os.Exit(1)
	}
}
