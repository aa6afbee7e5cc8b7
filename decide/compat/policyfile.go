package compat

import (
	"bytes"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// write returns the policy file as YAML. The encoder quotes what needs it.
func (p *policyFile) write() ([]byte, error) {
	root := group()
	if p.name != "" {
		add(root, "name", text(p.name))
	}
	add(root, "min", number(p.min))
	add(root, "max", number(p.max))
	signals, policies := group(), group()
	for _, s := range p.signals {
		add(signals, s.name, flow("unit", text(s.unit), "merge", text(s.merge)))
	}
	for _, t := range p.policies {
		track := flow("signal", text(t.signal), "setpoint", plain(t.setpoint))
		if t.total {
			add(track, "total", plain("true"))
		}
		add(policies, t.name, flow("track", track))
	}
	add(root, "signals", signals)
	add(root, "policies", policies)
	add(root, "scale_up", p.up.node())
	down := p.down.node()
	if p.noIdle {
		add(down, "idle", text("off"))
	}
	add(root, "scale_down", down)
	for i, c := range p.comments {
		if i > 0 {
			root.HeadComment += "\n"
		}
		root.HeadComment += "# " + c
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (g policyGuards) node() *yaml.Node {
	n := group()
	add(n, "tolerance", share(g.tolerance))
	add(n, "window", span(g.window))
	if len(g.rates) > 0 {
		rates := &yaml.Node{Kind: yaml.SequenceNode}
		for _, r := range g.rates {
			item := flow()
			if r.count > 0 {
				add(item, "count", number(r.count))
			}
			if r.share > 0 {
				add(item, "share", plain(strconv.FormatInt(r.share, 10)+"%"))
			}
			add(item, "period", span(r.period))
			rates.Content = append(rates.Content, item)
		}
		add(n, "rates", rates)
	}
	if g.pick != "" {
		add(n, "select", text(g.pick))
	}
	return n
}

func group() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

// flow returns a group on one line. Its arguments are names and nodes by turns.
func flow(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		value, _ := pairs[i+1].(*yaml.Node)
		add(n, name, value)
	}
	return n
}

func add(n *yaml.Node, name string, value *yaml.Node) {
	n.Content = append(n.Content, text(name), value)
}

func text(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

// plain is a value that is written without quotes, whatever it looks like.
func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

func number(n int64) *yaml.Node { return plain(strconv.FormatInt(n, 10)) }

// share writes a ratio in percent, and no tolerance at all as off.
func share(x float64) *yaml.Node {
	if x == 0 {
		return text("off")
	}
	percent := strconv.FormatFloat(x*100, 'f', -1, 64)
	if len(percent) > 8 {
		return plain(strconv.FormatFloat(x, 'f', -1, 64))
	}
	return plain(percent + "%")
}

// span writes a time in the largest unit that it is a whole number of.
func span(d time.Duration) *yaml.Node {
	switch {
	case d == 0:
		return text("off")
	case d%time.Hour == 0:
		return plain(strconv.FormatInt(int64(d/time.Hour), 10) + "h")
	case d%time.Minute == 0:
		return plain(strconv.FormatInt(int64(d/time.Minute), 10) + "m")
	}
	return plain(strconv.FormatInt(int64(d/time.Second), 10) + "s")
}
