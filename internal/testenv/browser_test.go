package testenv

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser starts a headless browser of its own for the test and ends it after,
// with a tab per call of the returned function. Without a browser the test is
// skipped.
func browser(t *testing.T) func() context.Context {
	t.Helper()
	if out, err := exec.Command("sh", "setup.sh").CombinedOutput(); err != nil || len(out) > 0 {
		t.Logf("setup.sh: %v %s", err, out)
	}
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no chromium on this machine: run internal/testenv/setup.sh as root, or install one")
	}
	profile, err := os.MkdirTemp("", "evenkeel-browser") //nolint:usetesting // a browser that still tidies up must not fail the test
	if err != nil {
		t.Fatal(err)
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	alloc, stop := chromedp.NewExecAllocator(ctx, flags...)
	first, _ := chromedp.NewContext(alloc)
	if err := chromedp.Do(first, chromedp.Navigate("about:blank")); err != nil {
		stop()
		cancel()
		t.Fatalf("browser %s: %v", path, err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(first); err != nil {
			t.Logf("browser: %v", err)
		}
		stop()
		cancel()
		if err := os.RemoveAll(profile); err != nil {
			t.Logf("browser: %v", err)
		}
	})
	return func() context.Context {
		tab, closeTab := chromedp.NewContext(first)
		t.Cleanup(closeTab)
		return tab
	}
}
