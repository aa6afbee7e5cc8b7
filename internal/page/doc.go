// Package page is the live page: what a person watches while evenkeel keeps a
// fleet steady. It shows and changes nothing.
//
// Whoever runs the fleet fills a [State] about once a second and hands it to
// [Page.Update]; the page keeps the history for the plots itself and serves the
// last State to any number of viewers. A page that gets no more Updates goes on
// serving the last one and says how old it is.
//
//	p, err := page.New(page.Config{Title: "chat"})
//	...
//	mux.Handle("/keel/", http.StripPrefix("/keel", p))
//	...
//	p.Update(page.State{Now: time.Now(), Pools: []page.Pool{{Name: "chat"}}})
//
// The figures of a State are [Value]s: the zero Value is absent, and is shown as
// a dash. Nothing that identifies a caller or a prompt belongs in a State.
//
// What is served: the page at /, /state.json, /history.json?pool=&since=, the
// last decision in full at /explain?pool=, and the journal at /journal. Only GET and HEAD are answered, only to host names
// that are loopback or configured, under a content security policy that allows
// no inline script or style and nothing from another origin.
//
// A Page is safe for concurrent use and starts no goroutine. [Log] and [History]
// are safe for concurrent use too.
package page
