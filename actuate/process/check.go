package process

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Check says whether the command could be started: the program is there and may
// be executed, its directory exists. It starts nothing, so a program that exits
// at once passes; that shows in the first instance's Detail and Restarts, and in
// Cohort.Stuck. What Prepare would change is not looked at.
func (s *Supervisor) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var errs []error
	if _, err := resolve(s.cfg.Command.Path); err != nil {
		errs = append(errs, err)
	}
	if dir := s.cfg.Command.Dir; dir != "" {
		if st, err := os.Stat(dir); err != nil {
			errs = append(errs, fmt.Errorf("evenkeel: process: Command.Dir: %w", err))
		} else if !st.IsDir() {
			errs = append(errs, fmt.Errorf("evenkeel: process: Command.Dir %q is no directory", dir))
		}
	}
	return errors.Join(errs...)
}
