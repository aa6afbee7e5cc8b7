package testenv

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/evenkeel/evenkeel/internal/page"
)

// picture is what a person would compare between two moments.
type picture struct {
	Headline, Counts, Demand, Ready string
	Cells                           map[string]int
}

const takePicture = `(() => {
	const text = (s) => document.querySelector(s).textContent, path = (s) => document.querySelector("#plot-hero " + s)?.getAttribute("d") || "";
	const Cells = {};
	for (const c of document.querySelectorAll("#cells > :not([data-leaving])")) Cells[c.dataset.phase] = (Cells[c.dataset.phase] || 0) + 1;
	return {Headline: text("#headline"), Counts: text("#counts"), Demand: path(".l-demand"), Ready: path(".l-ready"), Cells};
})()`

func TestFleetMovesOnThePage(t *testing.T) {
	tab := browser(t)()
	sc := scene{past: 300, demo: func() *demo { return newDemo(step(2, 5.1, 3)) }}
	p, next := sc.play(t)
	url, _ := serve(t, p, "127.0.0.1:0")
	wrong := troubles(t, tab)
	open(t, tab, url)
	before := eval[picture](t, tab, takePicture)
	if before.Cells["ready"] != 3 || before.Cells["starting"] != 0 {
		t.Errorf("before the load rises: cells %v, want 3 ready", before.Cells)
	}

	forward := func(n int, until string) picture {
		t.Helper()
		for range n {
			next()
		}
		await(t, tab, until)
		return eval[picture](t, tab, takePicture)
	}
	starting := forward(12, `document.querySelectorAll("#cells [data-phase=starting]").length > 0`)
	if starting.Cells["ready"] != 3 || starting.Cells["starting"] < 3 {
		t.Errorf("after the load rose: cells %v, want 3 ready and at least 3 starting", starting.Cells)
	}
	grown := forward(40, `document.querySelectorAll("#cells [data-phase=ready]").length > 5`)
	for _, two := range [][2]picture{{before, starting}, {starting, grown}} {
		a, b := two[0], two[1]
		if a.Demand == "" || a.Demand == b.Demand || a.Ready == b.Ready || a.Counts == b.Counts || a.Headline == b.Headline {
			t.Errorf("the page did not move:\n%+v\n%+v", a, b)
		}
	}
	// Whoever points at a plot reads all plots at that time.
	if err := chromedp.Do(tab, chromedp.ScrollIntoView("#plot-hero"), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		x := eval[[]float64](t, tab, `(() => { const b = document.querySelector("#plot-hero svg").getBoundingClientRect(); return [b.left + b.width * .7, b.top + 90]; })()`)
		return chromedp.Do(ctx, chromedp.MouseEvent("mouseMoved", x[0], x[1]))
	})); err != nil {
		t.Fatal(err)
	}
	await(t, tab, `[...document.querySelectorAll(".when")].every(e => e.textContent.startsWith("at "))`)
	look(t, tab, "hover", 1280, "light")
	if err := chromedp.Do(tab, chromedp.Click(`[data-span="7200"]`)); err != nil {
		t.Fatal(err)
	}
	await(t, tab, `document.querySelector('[data-span="7200"]').getAttribute("aria-pressed") === "true"`)
	look(t, tab, "two-hours", 1280, "dark")
	if list := wrong(); len(list) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(list, "\n"))
	}
}

func TestServerGoesAwayAndComesBack(t *testing.T) {
	tab := browser(t)()
	p, next := scenes[0].play(t)
	at, stop := serve(t, p, "127.0.0.1:0")
	open(t, tab, at)
	stop()
	await(t, tab, `document.querySelector("#link").dataset.link === "lost"`)
	if got := eval[string](t, tab, `document.querySelector("#lost").textContent`); !strings.HasPrefix(got, "Disconnected since ") {
		t.Errorf("the page says %q", got)
	}
	if got := eval[string](t, tab, `document.querySelector("#headline").textContent`); !strings.HasPrefix(got, "Steady") {
		t.Errorf("the last picture is gone: headline %q", got)
	}
	look(t, tab, "disconnected", 1280, "light")
	look(t, tab, "disconnected", 400, "dark")
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	next()
	serve(t, p, u.Host)
	await(t, tab, `document.querySelector("#link").dataset.link === "live" && !document.body.hasAttribute("data-lost") && document.querySelector("#lost").hidden`)
}

func TestSilentCoreIsSeen(t *testing.T) {
	tab := browser(t)()
	p, err := page.New(page.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, p, "127.0.0.1:0")
	if err := chromedp.Do(tab, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	await(t, tab, `document.querySelector("#link-text").textContent === "connected, no state yet"`)
	look(t, tab, "empty", 1280, "light")
	// A pool of which nothing is known, seen a minute ago.
	if err := p.Update(page.State{Now: time.Now().Add(-time.Minute), Role: page.Follower, Leader: "keel-1", Pools: []page.Pool{{Name: "chat"}}}); err != nil {
		t.Fatal(err)
	}
	await(t, tab, `document.querySelector("#link").dataset.link === "late"`)
	if got := eval[string](t, tab, `document.querySelector("#figures").textContent`); !strings.Contains(got, "Saturation–") || strings.ContainsAny(got, "0123456789") {
		t.Errorf("nothing is known, and the figures say %q", got)
	}
	look(t, tab, "unknown", 1280, "dark")
}

func TestMarkupInDataStaysText(t *testing.T) {
	tab := browser(t)()
	evil := `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
	d := newDemo(step(2, 2, 0))
	d.edit = func(s *page.State) {
		p := &s.Pools[0]
		s.Version, s.Leader, s.Role = evil, evil, page.Follower
		p.Name, p.Tone, p.Headline, p.Detail, p.Gate = evil, page.Tone(evil), evil, evil, evil
		p.Demand.WorkUnit = evil
		p.Facts = []page.Fact{{Label: evil, Value: evil}}
		p.Shed = []page.Shed{{Reason: evil, Total: 3}}
		p.Instances = append(p.Instances, page.Instance{ID: evil, Phase: evil, Detail: evil, Since: s.Now})
		p.Decisions = []page.Decision{{At: s.Now, Summary: evil, Stage: evil, Reason: evil, Counterfactual: evil, Notes: []page.Note{{Stage: evil, Text: evil}}}}
		p.Events = []page.Event{{At: s.Now, Tone: page.Tone(evil), Text: evil}}
	}
	p, _ := scene{past: 60, demo: func() *demo { return d }}.play(t)
	url, _ := serve(t, p, "127.0.0.1:0")
	wrong := troubles(t, tab)
	open(t, tab, url)
	if n := eval[int](t, tab, `document.querySelectorAll("img, main script").length`); n != 0 {
		t.Errorf("%d elements were made from data", n)
	}
	if title := eval[string](t, tab, `document.title`); title == "owned" {
		t.Error("a script from data ran")
	}
	if got := eval[string](t, tab, `document.querySelector("#headline").textContent`); got != evil {
		t.Errorf("headline %q, want it word for word", got)
	}
	// The policy stops what would get past that.
	if got := eval[string](t, tab, `(() => { try { document.body.innerHTML = "<b>x</b>"; return "written"; } catch (e) { return e.name; } })()`); got != "TypeError" {
		t.Errorf("innerHTML: %s, want it refused", got)
	}
	look(t, tab, "markup", 400, "light")
	for _, w := range wrong() {
		if !strings.Contains(w, "TrustedHTML") { // our own try, two lines up
			t.Errorf("the browser complains: %s", w)
		}
	}
}
