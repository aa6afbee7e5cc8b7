// Package process runs replicas as child processes of the program.
//
// A [Supervisor] is an [actuate.Target] and [actuate.Drainer] whose replicas are
// processes on this machine: started without a shell, probed until they serve,
// restarted when they crash, drained before they are ended, and dead when the
// program is, however it ends. It is what an embedded server or a gateway with
// local engines scales by default.
//
// # Life of an instance
//
//	                 crash, or no answer for Hang: restart with back-off
//	        ┌──────────────────────────────────────────────────────────────────┐
//	        ▼                                                                  │
//	   ┌──────────┐  probe OK   ┌───────┐  scale-in, Drain  ┌──────────┐       │
//	──►│ starting │────────────►│ ready │──────────────────►│ draining │───────┤
//	   └────┬─────┘             └───┬───┘◄──────────────────└────┬─────┘       │
//	        │                       │     called off: scale-up,  │             │
//	        │ scale-in              │     Drain 0, ttl over      │ in flight 0,│
//	        │                       └──────────── crash ─────────┼─────────────┘
//	        │                                                    │ or Grace over
//	        ▼            SIGTERM                                 ▼
//	   ┌──────────┐◄─────────────────────────────────────────────┘
//	   │ stopping │──► SIGKILL after Kill ──► reaped, gone
//	   └──────────┘
//
// An instance keeps its ID through restarts; each life has a port of its own.
// One that crashes leaves the ready ones at once. Instances that exit before
// they were ever ready count as Stuck after the second time, so that a broken
// program does not pass for capacity on its way.
//
// Scale-in takes Request.Victims first, then those still starting, then those
// already draining, then the least busy. A higher count calls drains off before
// it starts anything: whoever has not been sent SIGTERM yet is ready again.
//
// # The listener is handed down
//
// The parent opens a port on the loopback interface and passes the listening
// socket as file descriptor 3, so no other program can take the port in between:
//
//	EVENKEEL_LISTEN_FD=3
//	EVENKEEL_LISTEN_ADDR=127.0.0.1:41237
//	EVENKEEL_INSTANCE=engine-1
//
// A program in Go calls [Listener]. For a program that can only bind a port by
// itself set [Command].Binds and give it {addr}, {host} or {port} among its
// arguments; then another program may take the port before it does, which shows
// as one more restart.
//
// # Environment
//
// A child gets the variables above, PATH and HOME of the parent, and what
// Command.Env lists: nothing else. Its standard input is empty. Lines of its
// output go to the Logger, shortened to 4 KiB.
//
// # Dead with the parent
//
// On Linux the kernel kills a child when its parent dies (PR_SET_PDEATHSIG),
// even of SIGKILL. That signal is bound to the thread that forked, so Run forks
// on one thread that it holds for as long as it runs. It reaches the child, not
// the child's own children: a program that forks workers should have them watch
// it in turn. A child that changes its user or gains capabilities by exec loses
// the protection. On other systems a child gets the reading end of a pipe, named
// by EVENKEEL_PARENT_FD, which reaches its end when the parent dies: a child that
// must not outlive its parent has to watch it.
//
// Each child leads a process group of its own, and signals go to the group, as
// does a last SIGKILL when its leader has ended. A terminal's Ctrl-C therefore
// does not reach the children; the parent decides.
//
// # Ending
//
// When the context of Run ends, every child gets SIGTERM at once, SIGKILL after
// Kill, and Run returns when all are reaped. Whoever wants to drain first scales
// to 0, waits until Status says so, and only then ends the context.
//
// # Use
//
//	router, err := route.New(route.Config{})
//	…
//	engines, err := process.New(process.Config{
//		Command: process.Command{Path: "/usr/local/bin/engine", Args: []string{"--model", "small"}},
//		Traffic: router,
//		Max:     8,
//	})
//	if err != nil {
//		return err
//	}
//	if err := engines.Check(ctx); err != nil {
//		return err // no such file, not executable
//	}
//	go router.Run(ctx)
//	go engines.Run(ctx)
//	err = engines.Scale(ctx, actuate.Request{Desired: 2})
//
// All methods are safe for concurrent use.
package process
