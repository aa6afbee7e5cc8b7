package route

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/evenkeel/evenkeel/actuate"
)

// BenchmarkPick is the choice alone, over fleets of three sizes.
func BenchmarkPick(b *testing.B) {
	for _, n := range []int{3, 30, 300} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := bare(b, fleet(n)...)
			b.ReportAllocs()
			for b.Loop() {
				r.release(r.pick(nil), false, false)
			}
		})
	}
}

// BenchmarkChunk is one chunk of an event stream through the Router, over
// loopback: the instance, the Router and the client together.
func BenchmarkChunk(b *testing.B) {
	event := []byte("data: {\"choices\":[{\"delta\":{\"content\":\" token\"}}]}\n\n")
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for req.Context().Err() == nil {
			if _, err := w.Write(event); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}))
	defer engine.Close()
	r := bare(b, actuate.Instance{ID: "a", Addr: engine.Listener.Addr().String(), Phase: actuate.Ready})
	front := httptest.NewServer(r)
	defer front.Close()
	for name, url := range map[string]string{"direct": engine.URL, "routed": front.URL} {
		b.Run(name, func(b *testing.B) {
			res, err := http.Get(url)
			if err != nil {
				b.Fatal(err)
			}
			defer res.Body.Close()
			body := bufio.NewReaderSize(res.Body, 512)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := body.Discard(len(event)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRequest is one short request through the Router, over loopback.
func BenchmarkRequest(b *testing.B) {
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	defer engine.Close()
	r := bare(b, actuate.Instance{ID: "a", Addr: engine.Listener.Addr().String(), Phase: actuate.Ready})
	front := httptest.NewServer(r)
	defer front.Close()
	b.ReportAllocs()
	for b.Loop() {
		res, err := http.Get(front.URL)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
	}
}
