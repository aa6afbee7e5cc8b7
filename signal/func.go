package signal

import "context"

// A Func is a [Source] of one signal that a function reads: whatever a program
// knows already. An error, like NaN or an infinity, leaves the signal as it was,
// to age; it is never zero.
type Func struct {
	Def  Def
	Read func(context.Context) (float64, error)
}

// Defs implements [Source].
func (f Func) Defs() []Def { return []Def{f.Def} }

// Collect implements [Source].
func (f Func) Collect(ctx context.Context, into *Snapshot) error {
	v, err := f.Read(ctx)
	if err != nil {
		return err
	}
	into.Set(0, Value(v))
	return nil
}
