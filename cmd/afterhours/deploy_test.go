package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// object is a part of a Kubernetes object.
type object map[string]any

// at follows keys; what is not there is nil.
func (o object) at(keys ...string) any {
	var value any = map[string]any(o)
	for _, key := range keys {
		inner, _ := value.(map[string]any)
		value = inner[key]
	}
	return value
}

// manifests are the objects under deploy/kubernetes, by kind.
func manifests(t *testing.T) map[string]object {
	t.Helper()
	files, err := filepath.Glob("../../deploy/kubernetes/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("got %v, %v, want the manifests", files, err)
	}
	found := map[string]object{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(content)); ; {
			var o map[string]any
			if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			kind := fmt.Sprint(o["kind"])
			if object(o).at("metadata", "namespace") != "afterhours" || found[kind] != nil {
				t.Errorf("%s: %s is of another namespace, or there twice", file, kind)
			}
			found[kind] = o
		}
	}
	return found
}

// TestTheManifestsFitTheProgram compares names, ports, paths and variables with those of the program, and of each other.
func TestTheManifestsFitTheProgram(t *testing.T) {
	t.Parallel()
	all := manifests(t)
	set := all["StatefulSet"]
	pod := object(set.at("spec", "template", "spec").(map[string]any))
	container := object(pod["containers"].([]any)[0].(map[string]any))
	if pod.at("securityContext", "runAsNonRoot") != true || container.at("securityContext", "readOnlyRootFilesystem") != true ||
		container.at("securityContext", "allowPrivilegeEscalation") != false {
		t.Error("the container may do more than it needs")
	}
	if grace := pod["terminationGracePeriodSeconds"].(int); float64(grace) <= stopWithin.Seconds() {
		t.Errorf("a pod has %d s to stop, want more than the program's %s", grace, stopWithin)
	}
	known := settingNames()
	var variables []string
	for name := range all["ConfigMap"].at("data").(map[string]any) {
		variables = append(variables, name)
	}
	for _, one := range container["env"].([]any) {
		variables = append(variables, fmt.Sprint(one.(map[string]any)["name"]))
	}
	for _, name := range variables {
		if !slices.ContainsFunc(known, func(setting string) bool { return variable(setting) == name }) {
			t.Errorf("there is no setting %s", name)
		}
	}
	for _, needed := range []string{"AFTERHOURS_DATABASE_URL", "AFTERHOURS_SECRET_KEY", "AFTERHOURS_SMTP_ADDR", "AFTERHOURS_HTTP_ADDR"} {
		if !slices.Contains(variables, needed) {
			t.Errorf("%s is not set", needed)
		}
	}
	ports := map[string]int{}
	for _, one := range container["ports"].([]any) {
		port := one.(map[string]any)
		ports[fmt.Sprint(port["name"])] = port["containerPort"].(int)
	}
	for name, setting := range map[string]string{"smtp": "AFTERHOURS_SMTP_ADDR", "http": "AFTERHOURS_HTTP_ADDR"} {
		if listen := fmt.Sprint(all["ConfigMap"].at("data", setting)); !strings.HasSuffix(listen, fmt.Sprintf(":%d", ports[name])) {
			t.Errorf("port %s is %d, and %s is %s", name, ports[name], setting, listen)
		}
	}
	for _, one := range all["Service"].at("spec", "ports").([]any) {
		if target := fmt.Sprint(one.(map[string]any)["targetPort"]); ports[target] == 0 {
			t.Errorf("the service leads to a port %q that no container has", target)
		}
	}
	if replicas, least := set.at("spec", "replicas").(int), all["PodDisruptionBudget"].at("spec", "minAvailable").(int); least >= replicas {
		t.Errorf("%d of %d must be there: no node could ever be emptied", least, replicas)
	}
	labels := fmt.Sprint(set.at("spec", "selector", "matchLabels"))
	for kind, selector := range map[string]any{
		"Service": all["Service"].at("spec", "selector"), "PodDisruptionBudget": all["PodDisruptionBudget"].at("spec", "selector", "matchLabels"),
		"NetworkPolicy": all["NetworkPolicy"].at("spec", "podSelector", "matchLabels"), "StatefulSet": set.at("spec", "template", "metadata", "labels"),
	} {
		if fmt.Sprint(selector) != labels {
			t.Errorf("%s: selects %v, want %s", kind, selector, labels)
		}
	}
	cluster := fmt.Sprint(all["Cluster"].at("metadata", "name"))
	if text := fmt.Sprint(container["env"], all["NetworkPolicy"].at("spec", "egress")); !strings.Contains(text, cluster+"-app") || !strings.Contains(text, "cnpg.io/cluster:"+cluster) {
		t.Errorf("the database's cluster %s is named otherwise elsewhere", cluster)
	}
	app := serveTest(t, nil)
	for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		path := fmt.Sprint(container.at(probe, "httpGet", "path"))
		if response := request(t, http.MethodGet, app.baseURL+path, nil); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s answers %s", probe, path, response.Status)
		}
	}
	if path := fmt.Sprint(set.at("spec", "template", "metadata", "annotations", "prometheus.io/path")); path != "/metrics" {
		t.Errorf("scraped at %s, want /metrics", path)
	}
}

// TestTheUnitNamesAFolderAndATimeThatFit compares the unit with the program.
func TestTheUnitNamesAFolderAndATimeThatFit(t *testing.T) {
	t.Parallel()
	unit, err := os.ReadFile("../../deploy/afterhours.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ExecStart=/usr/local/bin/afterhours serve\n", "AFTERHOURS_DATA_DIR=/var/lib/afterhours\n", "StateDirectory=afterhours\n",
		"TimeoutStopSec=40\n", "NoNewPrivileges=yes\n", "ProtectSystem=strict\n", "EnvironmentFile=-/etc/afterhours/env\n",
	} {
		if !strings.Contains(string(unit), want) {
			t.Errorf("the unit lacks %q", want)
		}
	}
}
