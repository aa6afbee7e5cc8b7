package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/evenkeel/evenkeel/internal/page"
)

func Example() {
	p, err := page.New(page.Config{Title: "chat"})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := httptest.NewServer(http.StripPrefix("/keel", p))
	defer srv.Close()

	// Once a second:
	err = p.Update(page.State{Now: time.Now(), Pools: []page.Pool{{
		Name:     "chat",
		Replicas: page.Replicas{Known: true, Desired: 4, Ready: 4, Min: 1, Max: 8},
		Demand:   page.Demand{Requests: page.Of(31)},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}

	res, err := http.Get(srv.URL + "/keel/state.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var s page.State
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Pools[0].Tone, "/", s.Pools[0].Headline)
	// Output: steady / Steady: 4 of 4 replicas ready, serving 31 req/s.
}
