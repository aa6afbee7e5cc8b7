package emulator

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// Main is the whole program: it reads args (without the program's name), serves
// until SIGTERM or an interrupt, finishes its streams and returns the exit
// status. A second signal ends it at once. 0: ended as asked. 1: could not
// listen, crashed as told, or ended at once. 2: wrong flags.
//
// Another program becomes an engine with os.Exit(emulator.Main(args, …)). If the
// environment has EVENKEEL_LISTEN_FD, the engine serves on that inherited
// descriptor and ignores -listen.
func Main(args []string, stdout, stderr io.Writer) int {
	cfg, listen, err := parseFlags(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "engine: %s\n", oneLine(err))
		return 2
	}
	// Before anything else: a signal during the start must not be lost.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)

	cfg.Log = slog.New(slog.NewTextHandler(stderr, nil))
	if cfg.Listener, err = inherited(); cfg.Listener == nil && err == nil {
		cfg.Listener, err = net.Listen("tcp", listen)
	}
	if err != nil {
		fmt.Fprintf(stderr, "engine: cannot listen: %s\n", oneLine(err))
		return 1
	}
	s, err := New(cfg)
	if err != nil {
		_ = cfg.Listener.Close()
		fmt.Fprintf(stderr, "engine: %s\n", oneLine(err))
		return 2
	}
	fmt.Fprintf(stdout, "%s: emulating %s on http://%s, ready in %v. No GPU is used and no model is run: timing follows a calibrated model, text is filler.\n",
		serverName, s.cfg.ServedName, cfg.Listener.Addr(), cfg.Startup)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for _, act := range []func(){cancel, s.Close} {
			select {
			case <-signals:
				act()
			case <-done:
				return
			}
		}
	}()
	if err := s.Run(ctx); err != nil {
		fmt.Fprintf(stderr, "engine: %s\n", oneLine(err))
		return 1
	}
	return 0
}

// parseFlags turns args into a Config and an address. It prints the help, and
// nothing else, itself.
func parseFlags(args []string, stdout io.Writer) (cfg Config, listen string, err error) {
	var names, startups []string
	for _, m := range llm.Presets() {
		names = append(names, m.Name)
	}
	for _, s := range llm.Startups() {
		startups = append(startups, s.Name)
	}
	fs := flag.NewFlagSet("engine", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	model := fs.String("model", "llama-3.1-8b/l40s-class", "model and GPUs: "+strings.Join(names, ", "))
	startup := fs.String("startup", "0s", "start-up time: a duration, or drawn from "+strings.Join(startups, ", "))
	fs.StringVar(&listen, "listen", "127.0.0.1:8000", "`address` to serve on; EVENKEEL_LISTEN_FD takes precedence")
	fs.StringVar(&cfg.ServedName, "served-model-name", "", "`name` of the model in requests and metrics (default: that of -model)")
	fs.Uint64Var(&cfg.Seed, "seed", 0, "seed of start-up time and jitter; 0: another one each time")
	fs.Float64Var(&cfg.Jitter, "jitter", 0, "standard deviation of the step time as a share of it, 0 to 0.3")
	fs.IntVar(&cfg.MaxQueue, "max-queue", 0, "requests that may wait (default 1024)")
	kv := fs.Int64("kv-tokens", 0, "capacity of the KV cache in `tokens` (default: that of the model)")
	fs.Func("fail", "`fault` to suffer: slow=FACTOR, hang or crash, and when: hang@30s; may be repeated", func(v string) error {
		f, err := ParseFault(v)
		cfg.Faults = append(cfg.Faults, f)
		return err
	})
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stdout, "Engine emulates an inference engine: the interface and the timing of one, without a GPU.")
			fs.SetOutput(stdout)
			fs.PrintDefaults()
		}
		return cfg, "", err
	}
	if fs.NArg() > 0 {
		return cfg, "", fmt.Errorf("unexpected argument %q; all settings are flags, see -h", fs.Arg(0))
	}
	var ok bool
	if cfg.Model, ok = llm.Preset(*model); !ok {
		return cfg, "", fmt.Errorf("-model %q is not known; give one of %s", *model, strings.Join(names, ", "))
	}
	if *kv != 0 {
		cfg.Model.KVTokens = *kv
	}
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64()
	}
	if preset, ok := llm.StartupPreset(*startup); ok {
		cfg.Startup = preset.Sample(rand.New(rand.NewPCG(cfg.Seed, 0x656e67)))
	} else if cfg.Startup, err = time.ParseDuration(*startup); err != nil {
		return cfg, "", fmt.Errorf("-startup %q is neither a duration nor one of %s", *startup, strings.Join(startups, ", "))
	}
	return cfg, listen, cfg.validate()
}

// oneLine keeps joined errors on one line.
func oneLine(err error) string {
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
}
