package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"afterhours/tickets"
)

// maxBody bounds a request's body.
const maxBody = 256 << 10

func configuration(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "afterhours", Version: version,
				Description: "Tickets, pages and who is on call. Errors are application/problem+json.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "Made with `afterhours token create`."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// add registers one operation; an error of handle becomes a problem.
func add[I, O any](s *service, to huma.API, method, path, id, summary string, handle func(context.Context, *I) (*O, error)) {
	operation := huma.Operation{
		OperationID: id, Method: method, Path: Prefix + path, Summary: summary, DefaultStatus: http.StatusOK,
		Security: []map[string][]string{{"token": {}}}, SkipValidateParams: true, SkipValidateBody: true,
		MaxBodyBytes: maxBody, Responses: responses(path),
	}
	schema, takesBody := bodySchema(method, path)
	if takesBody {
		operation.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{}}
	}
	huma.Register(to, operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
	if takesBody { // after Register, which describes what it reads: bytes
		operation.RequestBody.Required = len(schema.Required) > 0
		operation.RequestBody.Content["application/json"] = &huma.MediaType{Schema: schema}
	}
}

// bodySchema is the body of the operations that have one.
func bodySchema(method, path string) (*huma.Schema, bool) {
	object := func(name string, property *huma.Schema) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, Required: []string{name}, Properties: map[string]*huma.Schema{name: property}}
	}
	switch {
	case path == "/schedules/{id}/requests":
		if method != http.MethodPost {
			return nil, false
		}
		return requestSchema(), true
	case path == "/schedules/{id}/notes":
		if method != http.MethodPost {
			return nil, false
		}
		return object("text", &huma.Schema{Type: huma.TypeString, Description: "At most 4,000 characters of plain text."}), true
	case strings.HasSuffix(path, "/notes"):
		return object("text", &huma.Schema{Type: huma.TypeString, Description: "At most 10,000 characters."}), true
	case strings.HasSuffix(path, "/assign"):
		return object("person", &huma.Schema{Type: huma.TypeString, Description: "A person's id; empty for nobody."}), true
	case strings.HasSuffix(path, "/snooze"):
		return object("until", &huma.Schema{Type: huma.TypeString, Format: "date-time", Description: "Within the next 24 hours."}), true
	case strings.HasSuffix(path, "/hold"):
		return object("reason", &huma.Schema{Type: huma.TypeString, Description: "Why it is kept, at most 500 characters."}), true
	case strings.HasSuffix(path, "/resolve"):
		return &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
			"classification": {Type: huma.TypeString, Description: "What it turned out to be: " + strings.Join(tickets.Classifications[:], ", ") + "."},
		}}, true
	}
	return nil, false
}

// requestSchema is the body of a request of a shift.
func requestSchema() *huma.Schema {
	person := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: description}
	}
	moment := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Format: "date-time", Description: description}
	}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"giver", "taker", "start", "end"}, Properties: map[string]*huma.Schema{
		"giver": person("The id of the person who is on call in the span."), "taker": person("The id of the person who takes it."),
		"start": moment("Within the giver's shift."), "end": moment("At most 31 days later."),
		"other_start": moment("Of a swap: of the taker's span that the giver takes."), "other_end": moment("Its end."),
		"message": person("At most 500 characters."),
		"consent": {Type: huma.TypeString, Enum: []any{"ask", "waived"}, Description: "waived settles it at once, which administrators may."},
	}}
}

// responses are an operation's answers beside the good one.
func responses(path string) map[string]*huma.Response {
	problem := func(description string) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
				"type": {Type: huma.TypeString}, "title": {Type: huma.TypeString},
				"status": {Type: huma.TypeInteger}, "detail": {Type: huma.TypeString},
			}}},
		}}
	}
	answers := map[string]*huma.Response{
		"400":     problem("A parameter or the body is malformed"),
		"401":     problem("No token, or a wrong one"),
		"403":     problem("The token's role forbids it"),
		"default": problem("The server failed, or its database is away (503)"),
	}
	if strings.Contains(path, "{") {
		answers["404"] = problem("It is not there")
	}
	if strings.HasPrefix(path, "/schedules/{id}/requests") {
		answers["409"] = problem("The schedule says otherwise, or the request is settled")
	}
	if strings.HasPrefix(path, "/tickets/{number}/") {
		answers["409"] = problem("The ticket's state forbids it")
	}
	if strings.HasSuffix(path, "/raw") {
		answers["200"] = &huma.Response{Description: "The mail", Content: map[string]*huma.MediaType{
			"message/rfc822": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}
	}
	return answers
}
