package compat

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/policy"
)

// FromHPA turns a manifest of a Kubernetes HorizontalPodAutoscaler
// (autoscaling/v2, one document, YAML or JSON) into an equivalent policy file,
// in YAML. The report names everything that could not be carried over, or only
// as something else, with its path and why; a field that autoscaling/v2 does not
// have is in it too. Nothing is left out in silence.
//
// What the two cannot have in common stays as each of them does it: evenkeel
// decides more often, on fresher signals, never scales down on bad ones, and
// applies a tolerance to the count instead of the ratio.
//
// A manifest that Kubernetes would refuse is refused; the error names every
// field.
func FromHPA(text []byte) ([]byte, Report, error) {
	root, err := parseManifest(text)
	if err != nil {
		return nil, Report{}, err
	}
	var m manifest
	var r Report
	var errs []error
	m.read(field{node: root, report: &r, errs: &errs})
	if err := errors.Join(errs...); err != nil {
		return nil, Report{}, err
	}
	p := m.convert(&r, func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: compat.FromHPA: %s: %w", path, fmt.Errorf(format, args...)))
	})
	if err := errors.Join(errs...); err != nil {
		return nil, Report{}, err
	}
	out, err := p.write()
	if err == nil {
		// Whatever a manifest holds, what comes of it is a policy or an error.
		_, err = policy.Parse("policy", out)
	}
	if err != nil {
		return nil, Report{}, fmt.Errorf("evenkeel: compat.FromHPA: what came of the manifest is no policy: %w", err)
	}
	return out, r, nil
}

// A policyFile is what is written.
type policyFile struct {
	comments []string
	name     string
	min, max int64
	signals  []policySignal
	policies []policyTrack
	up, down policyGuards
	noIdle   bool
}

type policySignal struct{ name, unit, merge string }

type policyTrack struct {
	name, signal, setpoint string
	total                  bool
}

type policyGuards struct {
	tolerance float64
	window    time.Duration
	rates     []policyRate
	pick      string
}

type policyRate struct {
	count  int64
	share  int64 // percent
	period time.Duration
}

// The most that a policy file holds.
const (
	maxTracks  = 16
	maxRates   = 8
	maxPeriods = 4
)

func (m *manifest) convert(r *Report, bad func(path, format string, args ...any)) *policyFile {
	p := &policyFile{min: 1, max: or0(m.max)}
	r.Name, r.Namespace = m.name, m.namespace
	r.Target = strings.TrimSpace(m.target.version + " " + m.target.kind + " " + m.target.name)
	p.name = strings.TrimPrefix(m.namespace+"/"+m.name, "/")
	p.comments = []string{"From the HorizontalPodAutoscaler " + r.fullName() + ", which scales " + r.Target + "."}
	r.note(Noted, "spec.scaleTargetRef", r.Target, "a comment in the policy: what is scaled is for the program to say")
	if m.min != nil {
		p.min = *m.min
	}
	if p.max > decide.MaxReplicas {
		r.note(Changed, "spec.maxReplicas", strconv.FormatInt(p.max, 10), fmt.Sprintf("more than %d replicas are never asked for", decide.MaxReplicas))
		p.max = decide.MaxReplicas
	}
	if m.max != nil && p.min > p.max {
		bad("spec.minReplicas", "it is %d, and maxReplicas is %d: the least must not be above the most", p.min, p.max)
	}
	if p.min == 0 {
		m.fromZero(p, r, bad)
	}
	if len(m.metrics) == 0 {
		u := 80.0
		d := manifestMetric{path: "spec.metrics", kind: "Resource", name: "cpu"}
		d.target.utilization, d.target.kind = &u, "Utilization"
		m.metrics = []manifestMetric{d}
		r.note(Noted, "spec.metrics", "", "none is given: 80 % of the CPU requested, as Kubernetes does")
	}
	for i := range m.metrics {
		m.metrics[i].convert(p, r)
	}
	p.up = m.up.convert("spec.behavior.scaleUp", true, m.behavior, r)
	p.down = m.down.convert("spec.behavior.scaleDown", false, m.behavior, r)
	limitPeriods(p, r)
	return p
}

// fromZero is what a minimum of 0 takes.
func (m *manifest) fromZero(p *policyFile, r *Report, bad func(path, format string, args ...any)) {
	p.noIdle = true
	r.note(Noted, "spec.minReplicas", "0", "the last replica goes after the window of scale_down, as all others do: scale_down.idle is off")
	awake := false
	for _, x := range m.metrics {
		awake = awake || x.kind == "Object" || x.kind == "External"
		if (x.kind == "Object" || x.kind == "External") && x.target.value != nil {
			r.note(Changed, x.path, "", "a Value target says nothing while no replica is ready: only an AverageValue target brings the fleet back from zero")
		}
	}
	if !awake {
		bad("spec.minReplicas", "it is 0 without an object or external metric: nothing could ever start a replica again")
	}
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._:]+`)
var notInPolicy = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// plainName returns name as a signal may be called in a policy file, and not as
// one of evenkeel's own is.
func plainName(name string) string {
	const most = 200
	name = notInName.ReplaceAllString(name, "_")
	name = name[:min(len(name), most)]
	taken := name[0] >= '0' && name[0] <= '9' || name[0] == '.' || name[0] == ':'
	for _, word := range []string{"and", "or", "not"} {
		taken = taken || strings.EqualFold(name, word)
	}
	for _, n := range policy.Names() {
		taken = taken || name == n.Short || name == n.Def.Name
	}
	if taken {
		return "hpa." + name
	}
	return name
}

// convert adds the metric's signal and policy to p.
func (x *manifestMetric) convert(p *policyFile, r *Report) {
	if len(p.policies) == maxTracks {
		r.note(Left, x.path, x.name, fmt.Sprintf("a policy file has %d policies at most: merge some metrics where they are published", maxTracks))
		return
	}
	s, setpoint, what := x.signal()
	base := plainName(s.name)
	full := base
	for i := 2; p.hasSignal(full); i++ {
		full = fmt.Sprintf("%s_%d", base, i)
	}
	if full != s.name {
		r.note(Changed, x.path, clipText(x.name), "its signal is called "+full+", so that names are plain and differ")
	}
	s.name = full
	t := policyTrack{signal: full, setpoint: setpoint, total: x.target.average != nil && (x.kind == "Object" || x.kind == "External")}
	short := notInPolicy.ReplaceAllString(x.name, "_")
	short = short[:min(len(short), 40)]
	t.name = short
	for i := 2; p.hasPolicy(t.name); i++ {
		t.name = fmt.Sprintf("%s_%d", short, i)
	}
	p.signals = append(p.signals, s)
	p.policies = append(p.policies, t)
	r.Signals = append(r.Signals, Wanted{s.name, s.unit, x.path, what})
	if x.target.utilization != nil {
		r.note(Noted, x.path, "", "the mean of the replicas' shares stands for the sum of use over the sum of requests: the same where all request the same")
	}
}

// signal is what the metric is called and measured in here, its setpoint as it is
// written, and what it is.
func (x *manifestMetric) signal() (s policySignal, setpoint, what string) {
	s = policySignal{name: x.name, unit: "{value}", merge: "mean"}
	scope, of := "k8s.pod.", "a replica"
	if x.kind == "ContainerResource" {
		scope, of = "k8s.container."+x.container+".", "container "+x.container+" of a replica"
	}
	number := func(v *float64) string { return strconv.FormatFloat(*v, 'f', -1, 64) }
	switch {
	case x.target.utilization != nil:
		s.name, s.unit = scope+x.name+"_request_utilization", "share"
		return s, number(x.target.utilization) + "%", "use of " + x.name + " by " + of + " over its request, mean of the replicas"
	case x.kind == "Resource" || x.kind == "ContainerResource":
		s.name, s.unit = scope+x.name+".usage", "{"+x.name+"}"
		setpoint = number(x.target.average)
		if x.name == "memory" || x.name == "ephemeral-storage" {
			s.unit, setpoint = "bytes", setpoint+"B"
		}
		return s, setpoint, "use of " + x.name + " by " + of + ", mean of the replicas"
	case x.kind == "Pods":
		return s, number(x.target.average), "the metric " + clipText(x.name) + " of a replica, mean of the replicas"
	}
	s.merge = "max" // one number for the fleet, whoever reports it
	what = "the external metric " + clipText(x.name)
	if x.kind == "Object" {
		what = "the metric " + clipText(x.name) + " of " + x.object
	}
	if x.selector {
		what += ", with its selector"
	}
	if x.target.value != nil {
		return s, number(x.target.value), what
	}
	return s, number(x.target.average), what
}

func (p *policyFile) hasSignal(name string) bool {
	for _, s := range p.signals {
		if s.name == name {
			return true
		}
	}
	return false
}

func (p *policyFile) hasPolicy(name string) bool {
	for _, t := range p.policies {
		if t.name == name {
			return true
		}
	}
	return false
}
