// Package oncall decides who is told of a ticket, when and how: people with contacts and rules, schedules of layers and
// overrides, policies of steps, routes, and the escalation that goes from step to step until somebody acknowledges.
//
// Everything that decides is a pure function of configuration and moment: Schedule.At and Shifts say whose turn it is,
// Configuration.Route which policy a ticket takes, Start and Next what a policy does now. The Escalator and the
// Deliverer are thin loops around a store. Configuration is read from YAML with the line of every fault
// (configuration.go) and stored as the JSON of these types.
package oncall
