package decide

// Stage is one step of the decision, in the order of the constants.
type Stage uint8

// Reason is why a policy or a stage said what it said: few, fixed, and fit for a
// metric label.
type Reason uint8
