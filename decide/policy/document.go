package policy

import "go.yaml.in/yaml/v3"

// A document is a policy file as it is written. Its tags are the one list of
// fields: reading, writing and the JSON Schema all go by them.
//
//	file     name of the field
//	doc      what it is, for the schema
//	default  what a field that is left out means, where that can be written
//	off      "off" and 0 switch it off
//	enum     the words that it may be
//
// Fields are named as in the Go structs, in snake case.
type document struct {
	Extends   string           `file:"extends" doc:"name of the preset that this file changes"`
	Name      string           `file:"name" doc:"name for people"`
	Min       *int64           `file:"min" default:"1" doc:"fewest replicas; 0 lets the fleet go to zero"`
	Max       *int64           `file:"max" doc:"most replicas"`
	Tick      span             `file:"tick" doc:"time between decisions; left out, the program's own"`
	Signals   named[declared]  `file:"signals" doc:"signals that have no short name, by name"`
	Up        *step            `file:"up" doc:"grow while a condition holds"`
	Down      *step            `file:"down" doc:"shrink while a condition holds"`
	Policies  named[opinion]   `file:"policies" doc:"what says how many replicas are needed, by name; off takes away one of the preset"`
	Combine   combination      `file:"combine" doc:"how several opinions become one"`
	ScaleUp   upward           `file:"scale_up" doc:"what guards growth"`
	ScaleDown downward         `file:"scale_down" doc:"what guards shrinking"`
	Burst     burst            `file:"burst" doc:"when a surge overrules the guards of scale_up"`
	Warm      warm             `file:"warm" doc:"replicas to spare"`
	Pending   pending          `file:"pending" doc:"what to make of replicas that do not get ready"`
	Hold      hold             `file:"hold" doc:"what to do on bad data; nothing is ever taken away on it"`
	Schedule  []scheduleWindow `file:"schedule" doc:"floors and ceilings by the clock"`
	Budget    budget           `file:"budget" doc:"what the fleet may cost; hard"`
}

type declared struct {
	Unit     string `file:"unit" doc:"share, seconds, bytes, requests, tokens, replicas, requests/s, tokens/s, bytes/s, or a unit in UCUM notation"`
	Merge    string `file:"merge" enum:"sum,mean,max,p90,distribution" doc:"how members become the fleet; left out: distribution with a quantile, p90 for a share, else sum"`
	Quantile number `file:"quantile" doc:"which quantile of a distribution, such as 0.95"`
	MaxAge   span   `file:"max_age" default:"15s" doc:"how old a sample may be and still count"`
}

// An opinion is one policy: exactly one of its kinds, and a weight.
type opinion struct {
	Track     *track     `file:"track" doc:"keep a signal at a setpoint"`
	Capacity  *capacity  `file:"capacity" doc:"demand divided by what one replica can take"`
	Backlog   *backlog   `file:"backlog" doc:"drain the queue within a time"`
	Rule      *steps     `file:"rule" doc:"steps up while a condition holds and down while another does"`
	Objective *objective `file:"objective" doc:"as capacity, with a utilization that is learned from what has to be kept"`
	Weight    number     `file:"weight" default:"1" doc:"weight of the opinion where combine is weighted"`
}

type track struct {
	Signal   name   `file:"signal" doc:"signal to track"`
	Setpoint amount `file:"setpoint" doc:"the wished value, in the unit of the signal"`
	Total    bool   `file:"total" doc:"the signal is one number for the fleet, and setpoint the part that one replica takes"`
}

type capacity struct {
	Demand      name   `file:"demand" doc:"offered work per second"`
	Rate        name   `file:"rate" doc:"work per second that one replica does at full use, as a signal"`
	PerReplica  amount `file:"per_replica" doc:"the same as a fixed number"`
	Utilization ratio  `file:"utilization" default:"70%" doc:"share of the rate up to which a replica keeps its promises"`
	Headroom    number `file:"headroom" off:"true" doc:"factor before the square root of the load: 0.3 lean, 0.8 safe; default 0.5, or none with a reserve"`
	Reserve     ratio  `file:"reserve" doc:"constant share on top"`
}

type objective struct {
	Demand      name   `file:"demand" doc:"offered work per second"`
	Goals       []goal `file:"goals" doc:"what has to be kept"`
	Rate        name   `file:"rate" doc:"work per second that one replica does at full use, as a signal"`
	PerReplica  amount `file:"per_replica" doc:"the same as a fixed number"`
	Utilization amount `file:"utilization" doc:"to begin with: a share of the rate, default 70%; without a rate, a load per replica"`
	Floor       amount `file:"floor" doc:"the least it may become; default 30% of the rate"`
	Ceiling     amount `file:"ceiling" doc:"the most it may become; default 100% of the rate"`
	Headroom    number `file:"headroom" off:"true" doc:"factor before the square root of the load; default 0.5, or none with a reserve"`
	Reserve     ratio  `file:"reserve" doc:"constant share on top"`
	Interval    span   `file:"interval" default:"5s" doc:"time between two steps of learning"`
	Warmup      span   `file:"warmup" default:"30s" doc:"how long a replica is cold, so that nothing is learned"`
}

type goal struct {
	Signal name   `file:"signal" doc:"signal to keep"`
	Per    name   `file:"per" doc:"makes it a share of this signal"`
	Most   amount `file:"most" doc:"most it may be, in the unit of the signal, or a share with per"`
}

type backlog struct {
	Queue      name   `file:"queue" doc:"work that waits"`
	Rate       name   `file:"rate" doc:"work per second that one replica drains, as a signal"`
	PerReplica amount `file:"per_replica" doc:"the same as a fixed number"`
	Demand     name   `file:"demand" doc:"work per second that keeps arriving meanwhile"`
	Within     span   `file:"within" default:"30s" doc:"time in which the queue should be gone"`
}

type combination struct {
	Up   string `file:"up" enum:"max,min,all,weighted" default:"max" doc:"the opinion that counts when it asks for more"`
	Down string `file:"down" enum:"max,min,all,weighted" default:"max" doc:"the opinion that counts when it asks for fewer; max: all must agree"`
}

// upward and downward are the guards of either direction.
type upward struct {
	Fast      bool   `file:"fast" doc:"nothing delays growth: no window, rate or cooldown; that is the default, and fast takes them away from a preset"`
	Tolerance ratio  `file:"tolerance" default:"5%" off:"true" doc:"smaller changes are left out"`
	Window    span   `file:"window" default:"off" off:"true" doc:"how long a change must have been wanted without a break"`
	Rate      rate   `file:"rate" doc:"most that the count may change in a period"`
	Rates     []rate `file:"rates" doc:"several rates"`
	Select    string `file:"select" enum:"max,min,disabled" default:"max" doc:"which of several rates binds; disabled: no policy changes the count this way"`
	Cooldown  span   `file:"cooldown" default:"off" off:"true" doc:"pause after a change"`
}

type downward struct {
	Tolerance ratio  `file:"tolerance" default:"10%" off:"true" doc:"smaller changes are left out"`
	Window    span   `file:"window" default:"3m" off:"true" doc:"how long a change must have been wanted without a break"`
	Rate      rate   `file:"rate" doc:"most that the count may change in a period"`
	Rates     []rate `file:"rates" doc:"several rates"`
	Select    string `file:"select" enum:"max,min,disabled" default:"max" doc:"which of several rates binds; disabled: no policy changes the count this way"`
	Cooldown  span   `file:"cooldown" default:"off" off:"true" doc:"pause after a change"`
	Idle      span   `file:"idle" default:"15m" off:"true" doc:"how long nothing must have been wanted before the last replica goes"`
}

type rate struct {
	Count  int64 `file:"count" doc:"replicas per period"`
	Share  ratio `file:"share" doc:"share of the count a period ago, per period"`
	Period span  `file:"period" default:"1m" doc:"how far to look back"`
}

type burst struct {
	Factor number `file:"factor" off:"true" doc:"it is a surge if so many times as many are wanted as are ready; 2 where only the rest is given"`
	Window span   `file:"window" default:"off" off:"true" doc:"how long the surge must have lasted"`
	For    span   `file:"for" doc:"how long it is taken seriously after it was last seen; 1m where only the rest is given"`
}

type warm struct {
	Replicas int64 `file:"replicas" doc:"replicas to spare"`
	Share    ratio `file:"share" doc:"share of what is needed to spare, if that is more"`
}

type pending struct {
	Timeout span  `file:"timeout" default:"10m" off:"true" doc:"after which a starting replica counts as stuck"`
	Extra   ratio `file:"extra" default:"50%" off:"true" doc:"most to ask for in place of stuck ones, as a share of what is needed"`
}

type hold struct {
	Coverage ratio  `file:"coverage" default:"90%" off:"true" doc:"share of the members that must report before anything is taken away"`
	Fallback string `file:"fallback" enum:"hold,floor,last_good,fixed" default:"hold" doc:"what to do once nobody has been able to tell for the time of after"`
	Replicas int64  `file:"replicas" doc:"of the fallbacks floor and fixed"`
	After    span   `file:"after" default:"30s" off:"true" doc:"how long before the fallback acts"`
}

type scheduleWindow struct {
	Name string `file:"name" doc:"name for people"`
	Days days   `file:"days" default:"daily" doc:"days on which the window begins: mon-fri, or sat,sun"`
	From clock  `file:"from" doc:"begin, by the clock on the wall; left out: midnight"`
	To   clock  `file:"to" doc:"end; not after from: on the next day"`
	Zone string `file:"zone" default:"UTC" doc:"time zone, such as Europe/Berlin"`
	Min  int64  `file:"min" doc:"floor"`
	Max  *int64 `file:"max" doc:"ceiling; 0 closes the fleet"`
	Warm warm   `file:"warm" doc:"replicas to spare in the window"`
	Ramp span   `file:"ramp" doc:"the floor rises for so long before from, and falls for so long after to"`
}

type budget struct {
	Price    number `file:"price" doc:"of one replica for one hour, in any currency"`
	PerHour  number `file:"per_hour" doc:"most to spend per hour"`
	PerMonth number `file:"per_month" doc:"most to spend in a calendar month (UTC)"`
	Pace     number `file:"pace" default:"2" off:"true" doc:"most to spend at once, times an even spread of what is left of the month"`
}

// A steps is a policy of conditions.
type steps struct {
	Up       *step `file:"up" doc:"when to grow"`
	Down     *step `file:"down" doc:"when to shrink"`
	Monotone bool  `file:"monotone" doc:"declares that more demand never makes up untrue nor down true"`
}

type step struct {
	When   condition `file:"when" doc:"the condition"`
	For    span      `file:"for" doc:"how long it must have held without a break"`
	Count  int64     `file:"count" doc:"replicas in a step, at least one"`
	Share  ratio     `file:"share" doc:"the same as a share of the count, if that is more"`
	Period span      `file:"period" default:"1m" doc:"pause between two steps while the condition goes on holding"`
	Fast   bool      `file:"fast" doc:"each further step is twice as large and does not wait for replicas that start; it will overshoot"`
}

// check makes sense of fast, which stands for other fields.
func (u *upward) check(d *decoder, n *yaml.Node, path string) {
	given := func(name string) *yaml.Node {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i]
			}
		}
		return nil
	}
	delays := []string{"window", "rate", "rates", "cooldown", "select"}
	fast := given("fast") != nil && u.Fast
	for _, name := range delays {
		key := given(name)
		switch {
		case key == nil:
		case fast:
			d.fail(key, path+"."+name, "it contradicts fast, which stands for no delay at all: leave out one of them")
		default:
			u.Fast = false
		}
	}
	if fast {
		u.Window, u.Cooldown, u.Rate, u.Rates, u.Select = -1, -1, rate{}, nil, ""
	}
}
