package gpu

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

type fixed struct {
	all []Status
	err error
}

func (f fixed) Read(context.Context) ([]Status, error) { return f.all, f.err }

func device(use, used, reserved, total Quantity, health Reason) Status {
	return Status{
		Usage:  Usage{Utilization: use, MemoryUsed: used, MemoryReserved: reserved, MemoryTotal: total},
		Health: Health{Reason: health},
	}
}

func TestSource(t *testing.T) {
	var no Quantity
	lost := errors.New("no answer")
	tests := []struct {
		name   string
		reader Reader
		want   [3]signal.Sample
		err    error
	}{
		{"none", None{}, [3]signal.Sample{}, nil},
		{"error", fixed{[]Status{device(Known(1), no, no, no, OK)}, lost}, [3]signal.Sample{}, lost},
		{"one", fixed{[]Status{device(Known(0.4), Known(30), Known(20), Known(80), OK)}, nil},
			[3]signal.Sample{signal.Value(0.4), signal.Value(0.5), signal.Value(0)}, nil},
		{"the fullest and the P90", fixed{[]Status{
			device(Known(0.2), Known(10), no, Known(80), OK),
			device(Known(0.9), Known(60), no, Known(80), Throttled),
			device(no, no, no, Known(80), Lost), // knows nothing
		}, nil}, [3]signal.Sample{signal.Value(0.9), signal.Value(0.75), signal.Value(2)}, nil},
		{"known to be idle", fixed{[]Status{device(Known(0), Known(0), no, Known(80), OK)}, nil},
			[3]signal.Sample{signal.Value(0), signal.Value(0), signal.Value(0)}, nil},
		{"unknown is not idle", fixed{[]Status{device(no, Known(5), no, no, OK)}, nil},
			[3]signal.Sample{{}, {}, signal.Value(0)}, nil},
		{"all reserved", fixed{[]Status{device(no, Known(5), Known(80), Known(80), OK)}, nil},
			[3]signal.Sample{{}, {}, signal.Value(0)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewSource(Config{Reader: tt.reader, Pool: "p", MaxAge: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			schema, err := signal.NewSchema(s.Defs()...)
			if err != nil {
				t.Fatal(err)
			}
			snap := signal.NewSnapshot(schema)
			if err := s.Collect(t.Context(), snap); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			for i, want := range tt.want {
				if snap.At(i) != want {
					t.Errorf("%v: %+v, want %+v", schema.Def(i).Key, snap.At(i), want)
				}
			}
		})
	}
}

func TestNewSourceRefuses(t *testing.T) {
	for want, config := range map[string]Config{
		"Reader is nil": {},
		"MaxAge is -1s": {Reader: None{}, MaxAge: -time.Second},
	} {
		if s, err := NewSource(config); s != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v; want %q", s, err, want)
		}
	}
}

func TestHealth(t *testing.T) {
	for xid, want := range map[int]Reason{
		0: OK, 13: OK, 31: OK, 43: OK, 45: OK, 9999: OK,
		48: ECC, 64: ECC, 95: ECC, 63: XID, 79: Lost, 119: XID,
	} {
		if got := XIDReason(xid); got != want {
			t.Errorf("XID %d: %v, want %v", xid, got, want)
		}
	}
	if (Health{XID: 31}).Sick() || !(Health{Reason: Throttled}).Sick() {
		t.Error("sick and well are confused")
	}
	if Lost.String() != "lost" || Reason(99).String() != "reason(99)" {
		t.Errorf("names: %v, %v", Lost, Reason(99))
	}
	if id := (Device{UUID: "GPU-1", Instance: "7"}).ID(); id != "GPU-1/7" {
		t.Errorf("ID %q", id)
	}
}
