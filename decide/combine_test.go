package decide_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// wants is a policy that wants what it is told to, or is held if that is below 0.
type wants int64

func (w wants) Compile(*signal.Schema) (decide.Policy, error) { return w, nil }
func (wants) Words() int                                      { return 0 }
func (wants) Monotone() bool                                  { return true }
func (w wants) Recommend([]float64, *decide.Input) decide.Recommendation {
	if w < 0 {
		return decide.Recommendation{Held: true, Reason: decide.ReasonUnknown}
	}
	return decide.Recommendation{Replicas: int64(w), Reason: decide.ReasonSetpoint}
}

func combined(t fataler, c decide.Combine, opinions []int64, weights []float64) decide.Config {
	return simple(func(config *decide.Config) {
		config.Combine, config.Policies = c, nil
		for i, n := range opinions {
			p := decide.NamedSpec{Name: fmt.Sprint("p", i), Spec: wants(n)}
			if i < len(weights) {
				p.Weight = weights[i]
			}
			config.Policies = append(config.Policies, p)
		}
	})
}

func TestCombine(t *testing.T) {
	const held = -1
	both := func(c decide.Combination) decide.Combine { return decide.Combine{Up: c, Down: c} }
	upMinDownMax := decide.Combine{Up: decide.CombineMin, Down: decide.CombineMax}
	for name, tc := range map[string]struct {
		combine  decide.Combine
		opinions []int64
		weights  []float64
		want     int64 // from 10
		leader   int
		reason   decide.Reason // of the note
	}{
		"max up":               {both(decide.CombineMax), []int64{12, 15, 3}, nil, 15, 1, decide.ReasonLargest},
		"max down":             {both(decide.CombineMax), []int64{4, 7, 3}, nil, 7, 1, decide.ReasonLargest},
		"max, held":            {both(decide.CombineMax), []int64{held, 7, 3}, nil, 10, 1, decide.ReasonLargest},
		"max, held, up":        {both(decide.CombineMax), []int64{held, 17, 3}, nil, 17, 1, decide.ReasonLargest},
		"min up":               {both(decide.CombineMin), []int64{12, 15}, nil, 12, 0, decide.ReasonSmallest},
		"min down":             {both(decide.CombineMin), []int64{12, 15, 3}, nil, 3, 2, decide.ReasonSmallest},
		"min, held, up":        {both(decide.CombineMin), []int64{held, 15, 12}, nil, 12, 2, decide.ReasonSmallest},
		"min, held, down":      {both(decide.CombineMin), []int64{held, 15, 3}, nil, 10, 2, decide.ReasonSmallest},
		"all up":               {both(decide.CombineAll), []int64{15, 12}, nil, 12, 1, decide.ReasonUnanimous},
		"all down":             {both(decide.CombineAll), []int64{3, 7}, nil, 7, 1, decide.ReasonUnanimous},
		"all differ":           {both(decide.CombineAll), []int64{3, 12}, nil, 10, -1, decide.ReasonDisagree},
		"all, one as it is":    {both(decide.CombineAll), []int64{10, 12}, nil, 10, 0, decide.ReasonUnanimous},
		"all, as it is, down":  {both(decide.CombineAll), []int64{10, 2}, nil, 10, 0, decide.ReasonUnanimous},
		"all, held, up":        {both(decide.CombineAll), []int64{held, 12}, nil, 12, 1, decide.ReasonUnanimous},
		"all, held, down":      {both(decide.CombineAll), []int64{held, 2}, nil, 10, 1, decide.ReasonUnanimous},
		"max up, all down":     {decide.Combine{Down: decide.CombineAll}, []int64{3, 12}, nil, 12, 1, decide.ReasonLargest},
		"max up, all down, ↓":  {decide.Combine{Down: decide.CombineAll}, []int64{3, 7}, nil, 7, 1, decide.ReasonUnanimous},
		"min up, max down":     {upMinDownMax, []int64{3, 12}, nil, 10, -1, decide.ReasonDisagree},
		"min up, max down, ↑":  {upMinDownMax, []int64{13, 12}, nil, 12, 1, decide.ReasonSmallest},
		"weighted":             {both(decide.CombineWeighted), []int64{4, 8}, nil, 6, 1, decide.ReasonWeighted},
		"weighted, rounded up": {both(decide.CombineWeighted), []int64{4, 7}, nil, 6, 1, decide.ReasonWeighted},
		"weighted, weights":    {both(decide.CombineWeighted), []int64{20, 12}, []float64{3, 1}, 18, 0, decide.ReasonWeighted},
		"weighted, held":       {both(decide.CombineWeighted), []int64{held, 4, 8}, []float64{100, 1, 1}, 10, 2, decide.ReasonWeighted},
		"weighted, all zero":   {both(decide.CombineWeighted), []int64{0, 0}, nil, 0, 0, decide.ReasonWeighted},
		"none can tell":        {both(decide.CombineAll), []int64{held, held}, nil, 10, -1, decide.ReasonAllHeld},
	} {
		t.Run(name, func(t *testing.T) {
			core := newCore(t, combined(t, tc.combine, tc.opinions, tc.weights))
			in := decide.Input{Now: started, Limits: fixed, Fleet: decide.Fleet{Desired: 10, Ready: 10}}
			_, d := core.Next(decide.State{}, in)
			in.Now = in.Now.Add(time.Second)
			if d.Desired != tc.want || d.Leader != tc.leader || d.Notes[0].Reason != tc.reason || d.Notes[0].Stage != decide.StageCombine {
				t.Errorf("got %s, want %d led by %d for %v", text(t, d), tc.want, tc.leader, tc.reason)
			}
			if tc.leader < 0 && (d.Binding != decide.StageCombine || d.Reason != tc.reason) {
				t.Errorf("bound by %v for %v", d.Binding, d.Reason)
			}
		})
	}
}

// Whatever the combination: a larger opinion never gives a smaller count, a held
// policy vetoes a scale-down, and what is decided lies within the opinions and
// the present count.
func TestLawCombine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCombine(t)
		opinion := rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, decide.MaxReplicas))
		opinions := rapid.SliceOfN(opinion, 1, 5).Draw(t, "opinions")
		weights := rapid.SliceOfN(rapid.Float64Range(0.01, 100), len(opinions), len(opinions)).Draw(t, "weights")
		n := rapid.Int64Range(0, 30).Draw(t, "n")
		in := decide.Input{Now: started, Limits: decide.Limits{Max: decide.MaxReplicas}, Fleet: decide.Fleet{Desired: n, Ready: n}}
		least, most := n, n
		held := false
		for i := range opinions {
			if rapid.IntRange(0, 4).Draw(t, "held") == 0 {
				opinions[i], held = -1, true
				continue
			}
			least, most = min(least, opinions[i]), max(most, opinions[i])
		}
		_, d := newCore(t, combined(t, c, opinions, weights)).Next(decide.State{}, in)
		if d.Desired < least || d.Desired > most {
			t.Fatalf("%v of %v from %d is %s", c, opinions, n, text(t, d))
		}
		if held && d.Desired < n {
			t.Fatalf("scaled down while one is held: %s", text(t, d))
		}
		larger := append([]int64(nil), opinions...)
		for i, v := range opinions {
			if v >= 0 {
				larger[i] = min(v+rapid.Int64Range(0, 20).Draw(t, "more"), decide.MaxReplicas)
			}
		}
		if _, more := newCore(t, combined(t, c, larger, weights)).Next(decide.State{}, in); more.Desired < d.Desired {
			t.Fatalf("%v: %v gives %d, and %v gives %d", c, opinions, d.Desired, larger, more.Desired)
		}
		if _, again := newCore(t, combined(t, c, opinions, weights)).Next(decide.State{}, decide.Input{
			Now: started, Limits: in.Limits, Fleet: decide.Fleet{Desired: d.Desired, Ready: d.Desired},
		}); again.Desired != d.Desired {
			t.Fatalf("%v of %v goes from %d to %d and on to %d", c, opinions, n, d.Desired, again.Desired)
		}
	})
}

// Upwards a combination may not be bolder than downwards.
func TestCombinationsThatGoTogether(t *testing.T) {
	const most, least, all, weighted = decide.CombineMax, decide.CombineMin, decide.CombineAll, decide.CombineWeighted
	allowed := map[decide.Combine]bool{
		{Up: most, Down: most}: true, {Up: most, Down: all}: true,
		{Up: weighted, Down: most}: true, {Up: weighted, Down: all}: true, {Up: weighted, Down: weighted}: true,
		{Up: least, Down: most}: true, {Up: least, Down: all}: true, {Up: least, Down: weighted}: true, {Up: least, Down: least}: true,
		{Up: all, Down: most}: true, {Up: all, Down: all}: true, {Up: all, Down: weighted}: true, {Up: all, Down: least}: true,
	}
	for up := most; up <= weighted; up++ {
		for down := most; down <= weighted; down++ {
			c := decide.Combine{Up: up, Down: down}
			if _, err := decide.New(combined(t, c, []int64{1, 2}, nil)); (err == nil) != allowed[c] {
				t.Errorf("%v up and %v down: %v", up, down, err)
			}
		}
	}
}

func TestMonotoneCores(t *testing.T) {
	two := []int64{1, 2}
	for _, tc := range []struct {
		config decide.Config
		want   bool
	}{
		{combined(t, decide.Combine{}, two, nil), true},
		{combined(t, decide.Combine{Down: decide.CombineAll}, two, nil), true},
		{combined(t, decide.Combine{Up: decide.CombineAll, Down: decide.CombineAll}, two, nil), false},
		{combined(t, decide.Combine{Up: decide.CombineMin, Down: decide.CombineMin}, two[:1], nil), true},
		{simple(func(c *decide.Config) { c.Policies = append(c.Policies, decide.NamedSpec{Name: "x", Spec: custom{}}) }), false},
	} {
		if got := newCore(t, tc.config).Monotone(); got != tc.want {
			t.Errorf("%v with %d policies: Monotone is %v", tc.config.Combine, len(tc.config.Policies), got)
		}
	}
}

func TestCombinationText(t *testing.T) {
	for c := decide.CombineMax; c <= decide.CombineWeighted; c++ {
		b, err := c.MarshalText()
		var read decide.Combination
		if err != nil || read.UnmarshalText(b) != nil || read != c {
			t.Errorf("%v is written %q and read %v", c, b, read)
		}
	}
	c := decide.CombineAll
	if err := c.UnmarshalText([]byte("most")); err == nil || c != decide.CombineAll {
		t.Errorf("read %v, %v", c, err)
	}
}

// Go up as soon as one policy wants to, and down only when all do.
func ExampleCombine() {
	core, err := decide.New(decide.Config{
		Signals: defs(),
		Policies: []decide.NamedSpec{
			{Name: "demand", Spec: decide.Track{Signal: demand, Setpoint: 10, Total: true}},
			{Name: "queue", Spec: decide.Backlog{Queue: queue, PerReplica: 1}},
		},
		Combine: decide.Combine{Up: decide.CombineMax, Down: decide.CombineAll},
		Down:    decide.Direction{Window: -1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var s decide.State
	for _, at := range []struct{ demand, queued float64 }{{30, 240}, {30, 0}} {
		in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 4, Ready: 4}, Limits: decide.Limits{Min: 1, Max: 20},
			Signals: []signal.Sample{signal.Value(at.demand), signal.Value(at.queued), {}, {}}}
		_, d := core.Next(s, in)
		fmt.Println(core.Explain(&in, &d))
	}
	// Output:
	// 4 → 8: queue wants 8: 240 queued, drained in 30 s at 1/s each
	// 4 → 3: demand wants 3: evenkeel.demand.requests is 30/s, setpoint 10/s
}

// Where opinions differ the count stays: neither what is kept warm nor what makes
// up for stuck replicas is a reason to grow once more with every step.
func TestDifferingOpinionsDoNotCreep(t *testing.T) {
	for name, tc := range map[string]struct {
		warm  decide.Warm
		stuck bool
		want  int64
	}{
		"warm":           {decide.Warm{Share: 0.1}, false, 11},
		"stuck":          {decide.Warm{}, true, 13},
		"warm and stuck": {decide.Warm{Replicas: 1}, true, 14},
	} {
		core := newCore(t, simple(func(c *decide.Config) {
			c.Policies = append(c.Policies, decide.NamedSpec{Name: "more", Spec: decide.Track{Signal: queue, Setpoint: 1, Total: true}})
			c.Combine = decide.Combine{Up: decide.CombineAll, Down: decide.CombineAll}
			c.Warm = tc.warm
		}))
		in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 7, Ready: 7}, Limits: fixed,
			Signals: []signal.Sample{signal.Value(10), signal.Value(40)}}
		var s decide.State
		var d decide.Decision
		for range 10 {
			s, d = core.Next(s, in)
			in.Now = in.Now.Add(5 * time.Second)
			in.Fleet.Desired = d.Desired
			if tc.stuck {
				in.Fleet.Starting = []decide.Cohort{{N: 3, Stuck: true}, {N: d.Desired - 10, Since: in.Now}}
			}
		}
		if d.Desired != tc.want {
			t.Errorf("%s: 10 and 40 are wanted, and that leads to %d, want %d: %s", name, d.Desired, tc.want, core.Explain(&in, &d))
		}
	}
}

// What all agree to keep is kept, with what is to spare above it.
func TestDifferingOpinionsKeepWhatIsWarm(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = append(c.Policies, decide.NamedSpec{Name: "more", Spec: decide.Track{Signal: queue, Setpoint: 1, Total: true}})
		c.Combine = decide.Combine{Up: decide.CombineAll, Down: decide.CombineAll}
		c.Warm.Replicas = 3
	}))
	for agreed, want := range map[float64]int64{8: 11, 7: 10, 5: 10} {
		in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 10, Ready: 10}, Limits: fixed,
			Signals: []signal.Sample{signal.Value(agreed), signal.Value(20)}}
		if _, d := core.Next(decide.State{}, in); d.Desired != want {
			t.Errorf("%v and 20 are wanted: %s, want %d", agreed, text(t, d), want)
		}
	}
}
