// Engine is an emulated inference engine in a process of its own: it answers
// like vLLM, takes as long as the chosen model on the chosen GPUs, and computes
// nothing. It is what the other examples scale, and it can be told to fail.
//
//	go run ./engine -model llama-3.1-8b/l40s-class -startup warm-node-cached
package main

import (
	"os"

	"github.com/evenkeel/evenkeel/examples/engine/emulator"
)

func main() {
	os.Exit(emulator.Main(os.Args[1:], os.Stdout, os.Stderr))
}
