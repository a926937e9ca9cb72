package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations"
	"afterhours/migrations/pgserver"
)

// The network of a replicated Postgres: a bridge of this machine, and a namespace for each node, whose cable can be drawn.
const (
	failoverBridge   = "ahfailover"
	failoverNetwork  = "10.97.42."
	failoverHost     = failoverNetwork + "254"
	failoverPassword = "test-password"
	failoverPatience = 6 * time.Minute // for a node to be where it is expected: under load it is rewound or cloned in minutes
)

// replicated is a Postgres of several nodes, kept by Patroni with the file of deploy/ and one etcd.
type replicated struct {
	t     *testing.T
	nodes []*patroniNode
}

type patroniNode struct {
	name, ip    string
	port        int
	cable       string // this machine's end
	environment []string
	log         *os.File
}

// startReplicated needs root, Patroni, etcd and iproute2: it is for runs that ask for it.
func startReplicated(t *testing.T, count int) *replicated {
	t.Helper()
	for _, program := range []string{"patroni", "etcd", "ip", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: apt-get install patroni etcd-server iproute2 util-linux", err)
		}
	}
	programs, err := pgserver.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	postgres, err := filepath.EvalSymlinks(filepath.Join(programs.Bin, "postgres")) // what Patroni needs besides lies there
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil {
		t.Fatal(err)
	}
	shell(t, "ip link add "+failoverBridge+" type bridge", "ip addr add "+failoverHost+"/24 dev "+failoverBridge, "ip link set "+failoverBridge+" up")
	t.Cleanup(func() { shell(t, "ip link del "+failoverBridge) })
	etcd := exec.Command("etcd", "--data-dir", filepath.Join(folder, "etcd"), "--log-level", "error",
		"--listen-client-urls", "http://"+failoverHost+":2379", "--advertise-client-urls", "http://"+failoverHost+":2379",
		"--listen-peer-urls", "http://"+failoverHost+":2380")
	etcd.Stderr = childLog(t)
	if err := etcd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Process.Kill(); _ = etcd.Wait() })
	r := &replicated{t: t}
	for i := range count {
		n := &patroniNode{name: fmt.Sprintf("ahnode%d", i+1), ip: fmt.Sprintf("%s%d", failoverNetwork, i+1), port: 5433 + i, cable: fmt.Sprintf("ahcable%d", i+1), log: childLog(t)}
		data := filepath.Join(folder, n.name)
		shell(t, "ip netns add "+n.name, fmt.Sprintf("ip link add %s type veth peer name eth0 netns %s", n.cable, n.name),
			fmt.Sprintf("ip link set %s master %s up", n.cable, failoverBridge), fmt.Sprintf("ip -n %s addr add %s/24 dev eth0", n.name, n.ip),
			fmt.Sprintf("ip -n %s link set eth0 up", n.name), fmt.Sprintf("ip -n %s link set lo up", n.name),
			fmt.Sprintf("install -d -o postgres -g postgres -m 700 %s", data))
		t.Cleanup(func() { r.kill(n); shell(t, "ip netns del "+n.name) })
		n.environment = []string{
			"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + data,
			"PATRONI_NAME=" + n.name, "PATRONI_ETCD3_HOSTS=" + failoverHost + ":2379", "PATRONI_RESTAPI_CONNECT_ADDRESS=" + n.ip + ":8008",
			fmt.Sprintf("PATRONI_POSTGRESQL_LISTEN=%s:%d", n.ip, n.port), fmt.Sprintf("PATRONI_POSTGRESQL_CONNECT_ADDRESS=%s:%d", n.ip, n.port),
			"PATRONI_POSTGRESQL_DATA_DIR=" + filepath.Join(data, "data"), "PATRONI_POSTGRESQL_BIN_DIR=" + filepath.Dir(postgres),
			"PATRONI_POSTGRESQL_PGPASS=" + filepath.Join(data, "pgpass"),
			"PATRONI_SUPERUSER_USERNAME=postgres", "PATRONI_SUPERUSER_PASSWORD=" + failoverPassword,
			"PATRONI_REPLICATION_USERNAME=replicator", "PATRONI_REPLICATION_PASSWORD=" + failoverPassword,
			"PATRONI_REWIND_USERNAME=rewind", "PATRONI_REWIND_PASSWORD=" + failoverPassword,
		}
		r.nodes = append(r.nodes, n)
		r.start(n)
		if i == 0 {
			r.until("the first node is the primary", func() bool { return n.is("primary") })
		}
	}
	r.roles()
	r.make()
	return r
}

// shell runs commands of the system.
func shell(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
}

// start runs Patroni in the node's network, as the user to whom the cluster belongs.
func (r *replicated) start(n *patroniNode) {
	r.t.Helper()
	file, err := filepath.Abs("../../deploy/patroni/patroni.yml")
	if err != nil {
		r.t.Fatal(err)
	}
	patroni := exec.Command("ip", "netns", "exec", n.name, "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "patroni", file)
	patroni.Env, patroni.Stdout, patroni.Stderr, patroni.Dir = n.environment, n.log, n.log, "/"
	if err := patroni.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { _ = patroni.Wait() }() // it ends with its node
}

// kill ends everything on a node, as a loss of power does.
func (r *replicated) kill(n *patroniNode) {
	pids, err := exec.Command("ip", "netns", "pids", n.name).Output()
	if err != nil {
		r.t.Errorf("processes of %s: %v", n.name, err)
	}
	if found := strings.Fields(string(pids)); len(found) > 0 {
		_ = exec.Command("kill", append([]string{"-9"}, found...)...).Run() // some may have ended by themselves
	}
}

// cut draws a node's cable; join puts it back.
func (r *replicated) cut(n *patroniNode)  { shell(r.t, "ip link set "+n.cable+" down") }
func (r *replicated) join(n *patroniNode) { shell(r.t, "ip link set "+n.cable+" up") }

// is asks Patroni for a node's role: primary, replica or sync.
func (n *patroniNode) is(role string) bool {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get("http://" + n.ip + ":8008/" + role)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// roles waits until there is a primary and a standby that has all of its commits.
func (r *replicated) roles() (primary, standby *patroniNode) {
	r.t.Helper()
	r.until("a primary and a synchronous standby", func() bool {
		primary, standby = nil, nil
		for _, n := range r.nodes {
			switch {
			case n.is("primary"):
				primary = n
			case n.is("sync"):
				standby = n
			}
		}
		return primary != nil && standby != nil
	})
	return primary, standby
}

// other is a node beside this one.
func (r *replicated) other(than *patroniNode) *patroniNode {
	for _, n := range r.nodes {
		if n != than {
			return n
		}
	}
	return nil
}

func (r *replicated) until(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(failoverPatience); !done(); {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: not within %s", what, failoverPatience)
		}
		time.Sleep(200 * time.Millisecond) // the pace of polling
	}
}

// url names all nodes; whoever asks comes to the primary.
func (r *replicated) url(user, database string) string {
	hosts := make([]string, 0, len(r.nodes))
	for _, n := range r.nodes {
		hosts = append(hosts, fmt.Sprintf("%s:%d", n.ip, n.port))
	}
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable&target_session_attrs=read-write", user, failoverPassword, strings.Join(hosts, ","), database)
}

// make makes the database as docs/replication.md says.
func (r *replicated) make() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, r.url("postgres", "postgres"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range []string{"CREATE ROLE afterhours LOGIN PASSWORD '" + failoverPassword + "'", "CREATE DATABASE afterhours OWNER afterhours"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			r.t.Fatal(err)
		}
	}
	pool, err := pgxpool.New(ctx, r.url("afterhours", "afterhours"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer pool.Close()
	if _, err := migrations.Up(ctx, pool); err != nil {
		r.t.Fatal(err)
	}
}
