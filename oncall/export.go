package oncall

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Export writes the configuration as one YAML document that ParseFile reads back: every section that has entries, each
// entry on lines of its own, absent keys left out. Two equal configurations are the same bytes.
func (c Configuration) Export() ([]byte, error) {
	root := yaml.Node{Kind: yaml.MappingNode}
	for _, section := range []struct {
		name    string
		entries any
		count   int
	}{
		{"people", c.People, len(c.People)},
		{"schedules", c.Schedules, len(c.Schedules)},
		{"policies", c.Policies, len(c.Policies)},
		{"routes", c.Routes, len(c.Routes)},
		{"webhooks", c.Webhooks, len(c.Webhooks)},
		{"mutes", c.Mutes, len(c.Mutes)},
		{"maintenance", c.Maintenance, len(c.Maintenance)},
		{"intake", c.Intake, len(c.Intake)},
		{"tenants", c.Tenants, len(c.Tenants)},
		{"playbooks", c.Playbooks, len(c.Playbooks)},
		{"readings", c.Readings, len(c.Readings)},
	} {
		if section.count == 0 {
			continue
		}
		entries, err := asNode(section.entries)
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", section.name, err)
		}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: section.name}, entries)
	}
	for _, single := range []struct {
		name  string
		value any
		set   bool
	}{
		{"retention", c.Retention, c.Retention != Retention{}},
		{"load", c.Load, c.Load != Load{}},
	} {
		if !single.set {
			continue
		}
		value, err := asNode(single.value)
		if err != nil {
			return nil, fmt.Errorf("export %s: %w", single.name, err)
		}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: single.name}, value)
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&root); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return out.Bytes(), encoder.Close()
}

// asNode turns a value into YAML by way of its JSON form, which leaves absent keys out and keeps their order. Lists of
// plain values stay on one line.
func asNode(value any) (*yaml.Node, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text.Bytes(), &document); err != nil {
		return nil, err
	}
	restyle(document.Content[0])
	return document.Content[0], nil
}

// longestLine is how many letters the values of a list may have that stands on one line.
const longestLine = 160

func restyle(node *yaml.Node) {
	node.Style = 0
	plain, length := len(node.Content) > 0, 0
	for _, child := range node.Content {
		restyle(child)
		plain, length = plain && child.Kind == yaml.ScalarNode && length < longestLine, length+len(child.Value)
	}
	if node.Kind == yaml.SequenceNode && (plain || len(node.Content) == 0) || node.Kind == yaml.MappingNode && len(node.Content) == 0 {
		node.Style = yaml.FlowStyle
	}
}
