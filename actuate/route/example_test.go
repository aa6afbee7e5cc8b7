package route_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/route"
)

// Two instances, one of them draining: requests go to the other.
func ExampleNew() {
	engine := func(name string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "answered by %s", name)
		}))
	}
	a, b := engine("a"), engine("b")
	defer a.Close()
	defer b.Close()

	router, err := route.New(route.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	router.Route([]actuate.Instance{
		{ID: "a", Addr: strings.TrimPrefix(a.URL, "http://"), Phase: actuate.Draining},
		{ID: "b", Addr: strings.TrimPrefix(b.URL, "http://"), Phase: actuate.Ready},
	})
	front := httptest.NewServer(router)
	defer front.Close()

	res, err := http.Get(front.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(string(body))
	for _, s := range router.Stats() {
		fmt.Println(s.ID, s.Phase, s.Total)
	}
	// Output:
	// answered by b
	// a draining 0
	// b ready 1
}
