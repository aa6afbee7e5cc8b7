package dcgm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/gpu"
)

// Config configures a [Reader].
type Config struct {
	// URL of the exporter's page. Default "http://localhost:9400/metrics".
	URL string
	// UUIDs of the GPUs that this server uses. Default: all on the page.
	UUIDs []string
	// Labels that the samples must have, such as pod and namespace where the
	// exporter maps GPUs to pods. Default: any.
	Labels map[string]string
	// Client to ask with. Default: one without a proxy, and with a connection of
	// its own for each read, so that nothing is left open.
	Client *http.Client
	// Timeout of a read. Default 5 s; the context may end it sooner.
	Timeout time.Duration
	// MaxBytes of a page. A larger one is refused. Default 4 MiB.
	MaxBytes int64
}

func (c Config) withDefaults() Config {
	if c.URL == "" {
		c.URL = "http://localhost:9400/metrics"
	}
	if c.Client == nil {
		c.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 4 << 20
	}
	c.UUIDs, c.Labels = slices.Clone(c.UUIDs), maps.Clone(c.Labels)
	return c
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("URL is %q: give one such as http://localhost:9400/metrics", c.URL)
	}
	if c.Timeout < 0 {
		bad("Timeout is %v: it must not be negative", c.Timeout)
	}
	if c.MaxBytes < 0 {
		bad("MaxBytes is %d: it must not be negative", c.MaxBytes)
	}
	return errors.Join(errs...)
}

// A Reader reads GPUs from the page of a DCGM exporter. It is a [gpu.Reader].
type Reader struct {
	config Config
	where  string // the URL without a password, for errors

	mu      sync.Mutex
	devices map[string]*history // by gpu.Device.ID
}

// NewReader returns a reader. It asks for nothing yet.
func NewReader(config Config) (*Reader, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("evenkeel: dcgm reader: %w", err)
	}
	where, err := url.Parse(config.URL)
	if err != nil {
		return nil, fmt.Errorf("evenkeel: dcgm reader: %w", err)
	}
	return &Reader{config: config, where: where.Redacted(), devices: map[string]*history{}}, nil
}

// Read fetches the page and returns the devices on it, and those that have gone
// from it, by index.
func (r *Reader) Read(ctx context.Context) ([]gpu.Status, error) {
	page, err := r.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("dcgm exporter: %w", err)
	}
	rows, err := r.config.read(page)
	if err != nil {
		return nil, fmt.Errorf("dcgm exporter at %s: %w", r.where, err)
	}
	return r.judge(rows), nil
}

func (r *Reader) fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.config.URL, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := r.config.Client.Do(req)
	if err != nil {
		return nil, err // names the URL
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %s", r.where, resp.Status)
	}
	page, err := io.ReadAll(io.LimitReader(resp.Body, r.config.MaxBytes+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("GET %s: %w", r.where, ErrTruncated)
	case err != nil:
		return nil, fmt.Errorf("GET %s: %w", r.where, err)
	case int64(len(page)) > r.config.MaxBytes:
		return nil, fmt.Errorf("GET %s: the page has more than %d bytes: raise Config.MaxBytes if it is the right one", r.where, r.config.MaxBytes)
	}
	return page, nil
}
