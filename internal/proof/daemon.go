package proof

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// daemon is a server process that can be killed and started again.
type daemon struct {
	name  string
	dir   string // its log is dir/name.log
	args  func() ([]string, error)
	env   []string
	ready func() error
	wait  time.Duration // how long it may take to be ready
	again bool          // one that ends before it is ready is started once more, as systemd does

	account *syscall.Credential // whom it runs as; nil: whoever runs the test

	cmd *exec.Cmd
	in  io.WriteCloser
}

// start runs the process and returns when it is ready.
func (d *daemon) start() error {
	if err := d.launch(); err != nil {
		return err
	}
	for end := time.Now().Add(d.wait); ; time.Sleep(20 * time.Millisecond) {
		err := d.ready()
		if err == nil {
			return nil
		}
		ended := exited(d.cmd.Process.Pid)
		if ended || time.Now().After(end) {
			d.kill()
		}
		switch {
		case time.Now().After(end):
			return fmt.Errorf("%s is not ready after %v: %w\n%s", d.name, d.wait, err, d.tail())
		case ended && !d.again:
			return fmt.Errorf("%s ended: %w\n%s", d.name, err, d.tail())
		case ended:
			time.Sleep(200 * time.Millisecond)
			if err := d.launch(); err != nil {
				return err
			}
		}
	}
}

func (d *daemon) launch() error {
	args, err := d.args()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(d.dir, d.name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	d.cmd = exec.Command(args[0], args[1:]...)
	d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = d.env, log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.account}
	endsWithUs(d.cmd.SysProcAttr)
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return err
	}
	return d.cmd.Start()
}

// exited reports whether the child is a zombie: it has ended and nobody has asked for its exit code.
func exited(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	for i := len(b) - 1; i > 0; i-- {
		if b[i] == ')' {
			return i+2 < len(b) && b[i+2] == 'Z'
		}
	}
	return false
}

// kill is kill -9: no handler of the program runs. A daemon that does not run is left as it is.
func (d *daemon) kill() {
	if d.cmd == nil || d.cmd.Process == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	_ = d.in.Close()
	_ = d.cmd.Wait() // says that it was killed
	d.cmd = nil
}

func (d *daemon) signal(s syscall.Signal) error {
	if d.cmd == nil || d.cmd.Process == nil {
		return errors.New(d.name + " is not running")
	}
	return d.cmd.Process.Signal(s)
}

// tail is the end of the log.
func (d *daemon) tail() string {
	b, err := os.ReadFile(filepath.Join(d.dir, d.name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-3000):])
}

// freePort is a port of the loopback that nobody listens on now, given to nobody before, and outside of those that the kernel gives to
// connections: a server that was killed must find its own again.
func freePort() (int, error) {
	ports.Lock()
	defer ports.Unlock()
	var err error
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if ports.given[port] {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			ports.given[port] = true
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no port is free: %w", err)
}

var ports = struct {
	sync.Mutex
	given map[int]bool
}{given: map[int]bool{}}
