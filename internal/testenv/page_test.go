package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/evenkeel/evenkeel/internal/page"
)

// A scene is a demo that has run for a while when the page is opened.
type scene struct {
	name string
	past int                  // seconds
	demo func() *demo         //
	at   map[int]func(*stage) // what befalls it, by second
	says string               // in the headline, when opened
}

// A stage is a scene that is playing.
type stage struct {
	*demo
	now time.Time
}

func step(before, after, at float64) func(float64) float64 {
	return func(t float64) float64 {
		if t < at {
			return before
		}
		return after
	}
}

var scenes = []scene{
	{name: "steady", past: 640, says: "Steady: ", demo: func() *demo {
		return newDemo(func(t float64) float64 {
			switch {
			case t < -470:
				return 1.5
			case t < -330:
				return 1.5 + (t+470)/140*1.7
			}
			return 3.1
		})
	}},
	{name: "growing", past: 400, says: "On the way to ", demo: func() *demo {
		return newDemo(func(t float64) float64 { return 2.1 + max(0, t+55)/55*1.6 })
	}},
	{name: "overloaded", past: 420, says: "Overloaded: turning away ", demo: func() *demo { return newDemo(step(2.4, 8.2, -20)) }},
	{name: "died", past: 500, says: "On the way to ", demo: func() *demo { return newDemo(step(1.4, 3.3, -300)) },
		at: map[int]func(*stage){-6: func(s *stage) { s.kill(1, s.now) }}},
	{name: "draining", past: 560, says: "Scaling in to ", demo: func() *demo { return newDemo(step(5.6, 3.1, -125)) }},
	{name: "from-nothing", past: 100, says: "Starting from nothing", demo: func() *demo {
		d := newDemo(step(0, 0.6, -9))
		d.min = 0
		return d
	}},
	{name: "idle", past: 300, says: "Idle at zero", demo: func() *demo {
		d := newDemo(step(0.6, 0, -190))
		d.min = 0
		return d
	}},
	{name: "stuck", past: 400, says: "1 replica cannot start", demo: func() *demo {
		d := newDemo(step(2.1, 3.0, -60))
		d.edit = func(s *page.State) {
			p := &s.Pools[0]
			i := &p.Instances[len(p.Instances)-1]
			if i.Phase != "ready" || p.Replicas.Ready < 4 {
				return
			}
			i.Phase, i.Detail, i.InFlight, i.Restarts = "stuck", "unschedulable: 0 of 6 nodes have a free GPU", page.Value{}, 3
			p.Replicas.Ready--
			p.Replicas.Stuck++
			s.DryRun, p.PausedIn = true, true
			p.Override = page.Override{Replicas: 4, Until: s.Now.Add(17 * time.Minute)}
			s.Members.Fresh = 2
		}
		return d
	}},
	{name: "many-pools", past: 300, says: "Steady: ", demo: func() *demo {
		d := newDemo(step(44, 46, -150))
		d.max, d.pools = 64, []string{"chat", "embed", "decode <b>bold</b>"}
		return d
	}},
}

// play runs the scene's past into a new page and returns how to go on.
func (sc scene) play(t *testing.T) (p *page.Page, next func()) {
	t.Helper()
	p, err := page.New(page.Config{Title: "chat.example", Journal: func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "{}\n")
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	// The scene ends a minute ahead of the clock, so that on a slow machine it is
	// not yet out of date when it is looked at.
	st := &stage{demo: sc.demo(), now: time.Now().Add(time.Minute - time.Duration(sc.past)*time.Second)}
	at := -sc.past
	next = func() {
		if do := sc.at[at]; do != nil {
			do(st)
		}
		if err := p.Update(st.tick(st.now, float64(at))); err != nil {
			t.Error(err)
		}
		st.now = st.now.Add(time.Second)
		at++
	}
	for range sc.past {
		next()
	}
	return p, next
}

// serve answers on a loopback port until the returned function is called.
func serve(t *testing.T, h http.Handler, addr string) (url string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.StripPrefix("/keel", h), ReadHeaderTimeout: 5 * time.Second}
	var done sync.WaitGroup
	done.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		done.Wait()
	})
	t.Cleanup(stop)
	return "http://" + l.Addr().String() + "/keel/", stop
}

// troubles collects what the browser complains of in a tab.
func troubles(t *testing.T, tab context.Context) func() []string {
	t.Helper()
	var mu sync.Mutex
	var list []string
	messages := chromedp.Console(tab)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() || m.Type == "error" || m.Type == "warning" {
				mu.Lock()
				list = append(list, m.String())
				mu.Unlock()
			}
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), list...)
	}
}

// look sets width and colour scheme, checks that nothing is wider than the
// window, and keeps a picture if EVENKEEL_SCREENSHOTS names a directory.
func look(t *testing.T, tab context.Context, name string, width int64, scheme string) {
	t.Helper()
	height := int64(900)
	if width < 500 {
		height = 860
	}
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	_, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	if err == nil {
		err = chromedp.Do(tab, chromedp.EmulateViewport(width, height))
	}
	if err != nil {
		t.Fatal(err)
	}
	// Two frames, so that what watches the size has drawn again.
	wide, err := chromedp.Run(tab, chromedp.Evaluate[string](`new Promise(done => setTimeout(() => {
		const w = document.documentElement.clientWidth, out = [];
		if (document.documentElement.scrollWidth > w) out.push("page " + document.documentElement.scrollWidth);
		for (const e of document.querySelectorAll("body *")) {
			const b = e.getBoundingClientRect();
			if (b.width > 1 && b.right > w + 1 && !e.closest("svg, .unseen, .skip")) out.push(e.tagName + "." + e.className + " " + b.right);
		}
		done(out.join("; "));
	}, 250))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if faint := eval[[]string](t, tab, contrast); len(faint) > 0 && name != "disconnected" && name != "unknown" {
		t.Errorf("%s at %d px, %s: contrast below 4.5: %s", name, width, scheme, strings.Join(faint, "; "))
	}
	if wide != "" {
		t.Errorf("%s at %d px, %s: wider than the window: %s", name, width, scheme, wide)
	}
	dir := os.Getenv("EVENKEEL_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), png, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contrast lists the texts whose colour is too close to what is behind them, by
// the formula of WCAG 2.2.
const contrast = `(() => {
	const parse = (s) => { const m = s.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
	const mix = (a, b, f) => [0, 1, 2].map(i => a[i] * f + b[i] * (1 - f));
	const lum = (c) => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const out = new Set();
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest(".unseen, .skip, [data-new], [data-leaving]") || !e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
		const style = getComputedStyle(e);
		let behind = null, see = 1;
		for (let p = e; p; p = p.parentElement) {
			const s = getComputedStyle(p), bg = parse(s.backgroundColor);
			if (!behind && bg[3] > .99) behind = bg;
			if (!behind || p.className === "cell") see *= Number(s.opacity);
		}
		behind = behind || [255, 255, 255];
		const front = mix(parse(e instanceof SVGElement ? style.fill : style.color), behind, see);
		const [hi, lo] = [lum(front), lum(behind)].sort((a, b) => b - a), ratio = (hi + .05) / (lo + .05);
		if (ratio < 4.5) out.add((e.className.baseVal ?? e.className) + " " + e.textContent.slice(0, 20) + " " + ratio.toFixed(2));
	}
	return [...out];
})()`

func open(t *testing.T, tab context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	await(t, tab, `document.querySelector("#link").dataset.link === "live" && document.querySelector("#plot-hero .l-ready, #plot-hero .canvas text")`)
}

func await(t *testing.T, tab context.Context, condition string) {
	t.Helper()
	if _, err := chromedp.Run(tab, chromedp.Poll[bool]("Boolean("+condition+")", chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		t.Fatalf("waiting for %s: %v", condition, err)
	}
}

func eval[T any](t *testing.T, tab context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(tab, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

func TestScenes(t *testing.T) {
	tab := browser(t)
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			p, _ := sc.play(t)
			url, _ := serve(t, p, "127.0.0.1:0")
			tab := tab()
			wrong := troubles(t, tab)
			open(t, tab, url)
			if got := eval[string](t, tab, `document.querySelector("#headline").textContent`); !strings.HasPrefix(got, sc.says) {
				t.Errorf("headline %q, want %q…", got, sc.says)
			}
			if sc.name == "overloaded" {
				if err := chromedp.Do(tab, chromedp.Click("#decisions summary")); err != nil {
					t.Fatal(err)
				}
			}
			for _, scheme := range []string{"light", "dark"} {
				for _, width := range []int64{1280, 400} {
					look(t, tab, sc.name, width, scheme)
				}
			}
			if sc.name == "many-pools" {
				if err := chromedp.Do(tab, chromedp.Click("#pools a:nth-child(3)")); err != nil {
					t.Fatal(err)
				}
				await(t, tab, `document.querySelector("#pools [aria-current]")?.textContent.startsWith("decode <b>bold</b>") && document.querySelector("#plot-hero .l-ready")`)
			}
			for _, bad := range []string{"NaN", "undefined", "Infinity", "null", "[object"} {
				if eval[bool](t, tab, `document.body.innerText.includes("`+bad+`")`) {
					t.Errorf("the page says %q", bad)
				}
			}
			if list := wrong(); len(list) > 0 {
				t.Errorf("the browser complains:\n%s", strings.Join(list, "\n"))
			}
		})
	}
}
