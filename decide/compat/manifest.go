package compat

import (
	"time"
)

// A manifest is what is read of a HorizontalPodAutoscaler.
type manifest struct {
	version, kind   string
	name, namespace string
	target          struct{ version, kind, name string }
	min, max        *int64
	metrics         []manifestMetric
	behavior        bool
	up, down        manifestScaling
}

type manifestMetric struct {
	path      string
	kind      string // the type given: Resource, Pods, …
	block     string // which block was given
	blocks    int
	name      string
	container string
	object    string
	selector  bool
	target    struct {
		given                       bool
		kind                        string
		utilization, average, value *float64
	}
}

type manifestScaling struct {
	given     bool
	window    *int64
	pick      string
	policies  []manifestPolicy
	tolerance *float64
}

type manifestPolicy struct {
	path          string
	kind          string
	value, period int64
}

// read fills m from the root of a document.
func (m *manifest) read(root field) {
	root.object(map[string]func(field){
		"apiVersion": func(f field) { m.version = f.text() },
		"kind":       func(f field) { m.kind = f.text() },
		"metadata":   m.metadata,
		"spec":       m.spec,
		"status": func(f field) {
			f.note(Left, "it is what was observed, not what is wished")
		},
	})
	if m.version != "autoscaling/v2" || m.kind != "HorizontalPodAutoscaler" {
		root.fail("it is %q of %q: give a HorizontalPodAutoscaler of autoscaling/v2; kubectl converts older versions", clipText(m.kind), clipText(m.version))
	}
	if m.max == nil {
		root.in("spec.maxReplicas").fail("it is missing: give the most replicas")
	}
	if m.target.kind == "" || m.target.name == "" {
		root.in("spec.scaleTargetRef").fail("it is missing, or has no kind or name: say what is scaled")
	}
}

func (m *manifest) metadata(f field) {
	left := func(f field) { f.note(Left, "a policy has no metadata of Kubernetes") }
	known := map[string]func(field){
		"name":      func(f field) { m.name = f.word() },
		"namespace": func(f field) { m.namespace = f.word() },
	}
	for _, name := range []string{"annotations", "labels", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp",
		"finalizers", "generateName", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"} {
		known[name] = left
	}
	f.object(known)
}

func (m *manifest) spec(f field) {
	f.object(map[string]func(field){
		"scaleTargetRef": func(f field) {
			f.object(map[string]func(field){
				"apiVersion": func(f field) { m.target.version = f.word() },
				"kind":       func(f field) { m.target.kind = f.word() },
				"name":       func(f field) { m.target.name = f.word() },
			})
		},
		"minReplicas": func(f field) { m.min = f.count(0, 1<<31-1) },
		"maxReplicas": func(f field) { m.max = f.count(1, 1<<31-1) },
		"metrics":     func(f field) { f.each(func(f field) { m.metrics = append(m.metrics, readMetric(f)) }) },
		"behavior": func(f field) {
			m.behavior = true
			f.object(map[string]func(field){"scaleUp": m.up.read, "scaleDown": m.down.read})
		},
	})
}

func (s *manifestScaling) read(f field) {
	s.given = true
	f.object(map[string]func(field){
		"stabilizationWindowSeconds": func(f field) { s.window = f.count(0, 3600) },
		"selectPolicy": func(f field) {
			if s.pick = f.text(); s.pick != "Max" && s.pick != "Min" && s.pick != "Disabled" {
				f.fail("%q is none of Max, Min and Disabled", clipText(s.pick))
			}
		},
		"tolerance": func(f field) {
			if s.tolerance = f.quantity(); s.tolerance != nil && *s.tolerance < 0 {
				f.fail("it is negative: it must be a share from 0")
			}
		},
		"policies": func(f field) {
			f.each(func(f field) {
				p := manifestPolicy{path: f.path}
				f.object(map[string]func(field){
					"type": func(f field) {
						if p.kind = f.text(); p.kind != "Pods" && p.kind != "Percent" {
							f.fail("%q is neither Pods nor Percent", clipText(p.kind))
						}
					},
					"value":         func(f field) { p.value = or0(f.count(1, 1<<31-1)) },
					"periodSeconds": func(f field) { p.period = or0(f.count(1, 1800)) },
				})
				if p.kind == "" || p.value == 0 || p.period == 0 {
					f.fail("it needs type, value and periodSeconds")
				}
				s.policies = append(s.policies, p)
			})
			if len(s.policies) == 0 {
				f.fail("it is empty: give at least one, or leave it out")
			}
		},
	})
}

func or0(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// blocks of a metric, and the type that each belongs to.
var blocks = map[string]string{
	"resource": "Resource", "containerResource": "ContainerResource", "pods": "Pods", "object": "Object", "external": "External",
}

func readMetric(f field) manifestMetric {
	m := manifestMetric{path: f.path}
	known := map[string]func(field){"type": func(f field) { m.kind = f.text() }}
	for block, kind := range blocks {
		known[block] = func(f field) {
			m.block = kind
			m.blocks++
			m.readBlock(f)
		}
	}
	f.object(known)
	switch {
	case m.kind == "" || m.blocks != 1 || m.block != m.kind:
		f.fail("its type is %q and it has %d blocks: give a type and the one block that belongs to it", clipText(m.kind), m.blocks)
	case m.name == "":
		f.fail("it has no name: say which metric it is")
	case m.kind == "ContainerResource" && m.container == "":
		f.fail("it has no container: say which one")
	default:
		m.check(f)
	}
	return m
}

func (m *manifestMetric) readBlock(f field) {
	known := map[string]func(field){"target": m.readTarget}
	switch m.block {
	case "ContainerResource":
		known["container"] = func(f field) { m.container = f.word() }
		fallthrough
	case "Resource":
		known["name"] = func(f field) { m.name = f.word() }
	case "Object":
		known["describedObject"] = func(f field) {
			var kind, name string
			f.object(map[string]func(field){
				"apiVersion": func(f field) { f.word() },
				"kind":       func(f field) { kind = f.word() },
				"name":       func(f field) { name = f.word() },
			})
			m.object = kind + "/" + name
			f.note(Left, "a policy names a signal only: whatever publishes it must read it from "+m.object)
		}
		fallthrough
	default:
		known["metric"] = func(f field) {
			f.object(map[string]func(field){
				"name": func(f field) { m.name = f.text() },
				"selector": func(f field) {
					m.selector = true
					f.note(Left, "a policy names a signal only: whatever publishes it must apply the selector")
				},
			})
		}
	}
	f.object(known)
}

func (m *manifestMetric) readTarget(f field) {
	t := &m.target
	t.given = true
	positive := func(p **float64) func(field) {
		return func(f field) {
			if *p = f.quantity(); *p != nil && !(**p > 0) {
				f.fail("it is %v: it must be above 0", **p)
			}
		}
	}
	f.object(map[string]func(field){
		"type":         func(f field) { t.kind = f.text() },
		"averageValue": positive(&t.average),
		"value":        positive(&t.value),
		"averageUtilization": func(f field) {
			if n := f.count(1, 1<<31-1); n != nil {
				v := float64(*n)
				t.utilization = &v
			}
		},
	})
}

// check makes sure that the target is one that the metric may have.
func (m *manifestMetric) check(f field) {
	t := &m.target
	f = f.in("target")
	resource := m.kind == "Resource" || m.kind == "ContainerResource"
	given := 0
	for _, p := range []*float64{t.utilization, t.average, t.value} {
		if p != nil {
			given++
		}
	}
	ok := false
	switch t.kind {
	case "Utilization":
		ok = resource && t.utilization != nil
	case "AverageValue":
		ok = t.average != nil
	case "Value":
		ok = t.value != nil && (m.kind == "Object" || m.kind == "External")
	}
	if !ok || given != 1 {
		f.fail("its type is %q and it has %d values: give Utilization with averageUtilization (resources only), AverageValue with averageValue, or Value with value (objects and external metrics only)", clipText(t.kind), given)
	}
}
