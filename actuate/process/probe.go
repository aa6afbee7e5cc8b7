package process

import (
	"context"
	"fmt"
	"net/http"
)

// probe asks the instance at addr once whether it serves.
func (s *Supervisor) probe(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Ready.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+s.cfg.Ready.Path, nil)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 399 {
		return fmt.Errorf("GET %s answered %s", s.cfg.Ready.Path, res.Status)
	}
	return nil
}
