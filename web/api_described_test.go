package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"afterhours/web/auth"
)

// described is one operation of the API as the served description has it.
type described struct {
	method, pattern, path string
	parameters            []struct{ Name, In string }
	properties            map[string]any // of the body; nil where it takes none
	answers               map[string]bool
}

// operations are the described operations of every route of the API: a route that is not described fails the test.
func (d *desk) operations(t *testing.T) (found []described, document any) {
	t.Helper()
	raw, err := io.ReadAll(d.ask(t, http.MethodGet, "/api/v1/openapi.json", "").Body)
	if err != nil {
		t.Fatal(err)
	}
	if document, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	var description struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody *struct {
				Content map[string]struct {
					Schema struct{ Properties map[string]any }
				}
			}
			Responses map[string]any
		}
	}
	if err := json.Unmarshal(raw, &description); err != nil {
		t.Fatal(err)
	}
	for _, route := range d.allRoutes(t) {
		if !strings.HasPrefix(route.pattern, "/api/") || strings.HasSuffix(route.pattern, "openapi.json") {
			continue
		}
		operation, ok := description.Paths[route.pattern][strings.ToLower(route.method)]
		if !ok {
			t.Fatalf("%s %s is not described", route.method, route.pattern)
		}
		path := strings.Replace(route.path, "messages/2", "messages/7", 1)
		one := described{method: route.method, pattern: route.pattern, path: path, parameters: operation.Parameters, answers: map[string]bool{}}
		if operation.RequestBody != nil {
			one.properties = operation.RequestBody.Content["application/json"].Schema.Properties
		}
		for status := range operation.Responses {
			one.answers[status] = true
		}
		found = append(found, one)
	}
	return found, document
}

// body is one that the operation takes.
func (o described) body() string {
	given := map[string]string{
		"text": "so", "reason": "for the lawyers", "person": "ben", "until": "2026-11-24T03:00:00Z", "classification": "FalsePositive",
		"giver": "ana", "taker": "ben", "start": "2026-11-25T08:00:00Z", "end": "2026-11-26T08:00:00Z", "message": "so", "consent": "ask",
		"other_start": "2026-11-26T08:00:00Z", "other_end": "2026-11-27T08:00:00Z",
	}
	fields := map[string]string{}
	for property := range o.properties {
		fields[property] = given[property]
	}
	if len(fields) == 0 {
		return ""
	}
	raw, _ := json.Marshal(fields) // strings can always be written
	return string(raw)
}

// schemas says whether an answer is what the description promises for its status.
type schemas struct {
	compiler *jsonschema.Compiler
}

func newSchemas(t *testing.T, document any) schemas {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("api.json", document); err != nil {
		t.Fatal(err)
	}
	return schemas{compiler}
}

func (s schemas) check(o described, response *http.Response) error {
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	if !strings.HasSuffix(kind, "json") {
		return nil
	}
	if status := fmt.Sprint(response.StatusCode); !o.answers[status] {
		return fmt.Errorf("the status %s is not described", status)
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	place := fmt.Sprintf("api.json#/paths/%s/%s/responses/%d/content/%s/schema",
		url.PathEscape(escape.Replace(o.pattern)), strings.ToLower(o.method), response.StatusCode, url.PathEscape(escape.Replace(kind)))
	schema, err := s.compiler.Compile(place)
	if err != nil {
		return err
	}
	answer, err := jsonschema.UnmarshalJSON(response.Body)
	if err != nil {
		return err
	}
	return schema.Validate(answer)
}

func TestEveryAnswerIsWhatTheDescriptionPromises(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letAct()
	operations, document := d.operations(t)
	promised := newSchemas(t, document)
	viewer, admin := "Bearer "+d.token(t, auth.Viewer), "Bearer "+d.token(t, auth.Admin)
	for _, operation := range operations {
		for who, header := range map[string]string{"nobody": "", "a viewer": viewer, "an administrator": admin} {
			response := d.ask(t, operation.method, operation.path, operation.body(), "Authorization", header, "Content-Type", "application/json")
			if who == "an administrator" && response.StatusCode != http.StatusOK {
				t.Errorf("%s %s: got %s", operation.method, operation.pattern, response.Status)
			}
			if err := promised.check(operation, response); err != nil {
				t.Errorf("%s %s by %s, %s: %v", operation.method, operation.pattern, who, response.Status, err)
			}
		}
		missing := strings.NewReplacer("1042", "4711", "messages/7", "messages/4711", "primary", "none", "runs/2", "runs/4711").Replace(operation.path)
		if missing != operation.path {
			response := d.ask(t, operation.method, missing, operation.body(), "Authorization", admin, "Content-Type", "application/json")
			if err := promised.check(operation, response); err != nil {
				t.Errorf("%s %s: %v", operation.method, missing, err)
			}
		}
	}
}

// freeText are the parameters that any words are good for.
var freeText = map[string]bool{"q": true, "assignee": true, "id": true, "playbook": true}

func TestEveryParameterAndBodyThatIsMalformedIs400(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // a call that changes anything fails the test
	operations, document := d.operations(t)
	promised := newSchemas(t, document)
	admin := "Bearer " + d.token(t, auth.Admin)
	asked := 0
	refused := func(operation described, path, body string) {
		t.Helper()
		asked++
		response := d.ask(t, operation.method, path, body, "Authorization", admin, "Content-Type", "application/json")
		notThere := response.StatusCode == http.StatusNotFound && strings.Contains(path, "/schedules/")
		if response.StatusCode != http.StatusBadRequest && !notThere {
			t.Errorf("%s %s with %q: got %s, want 400", operation.method, path, body, response.Status)
		}
		if err := promised.check(operation, response); err != nil {
			t.Errorf("%s %s with %q: %v", operation.method, path, body, err)
		}
	}
	for _, operation := range operations {
		for _, parameter := range operation.parameters {
			values := []string{"%00", "%FF", "a%00b"}
			if !freeText[parameter.Name] || parameter.In == "path" && !strings.Contains(operation.pattern, "/schedules/") {
				values = append(values, "~nonsense~", "-1", "1.5", "2026-13-01T00:00:00Z", "0x10", "%F0%9F%98%80")
			}
			for _, value := range values {
				if parameter.In == "query" {
					refused(operation, operation.path+"?"+parameter.Name+"="+value, operation.body())
					continue
				}
				filled := strings.NewReplacer("{"+parameter.Name+"}", value, "{number}", "1042", "{id}", "7", "{run}", "2").Replace(operation.pattern)
				refused(operation, filled, operation.body())
			}
		}
		if operation.properties == nil {
			continue
		}
		for _, body := range []string{"{", "[]", "7", `"text"`, "\xff", `{"a":1}{`} {
			refused(operation, operation.path, body)
		}
		for property := range operation.properties {
			for _, value := range []string{"7", "{}", "[1]", "true"} {
				refused(operation, operation.path, fmt.Sprintf(`{%q:%s}`, property, value))
			}
		}
	}
	if asked < 150 {
		t.Errorf("asked %d times, want every parameter and property of every route", asked)
	}
}
