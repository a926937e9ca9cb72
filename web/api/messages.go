package api

import (
	"context"
	"time"

	"afterhours/tickets"
)

// message is one mail behind a ticket.
type message struct {
	ID           int64                `json:"id"`
	Ticket       int64                `json:"ticket"`
	State        tickets.MailState    `json:"state"`
	ReceivedAt   time.Time            `json:"received_at"`
	EnvelopeFrom string               `json:"envelope_from"`
	EnvelopeTo   []string             `json:"envelope_to"`
	Remote       string               `json:"remote" doc:"The sending server's address; empty where there was no connection"`
	TLS          bool                 `json:"tls"`
	Verified     *bool                `json:"verified" doc:"null where the sender was neither authenticated nor refused"`
	Size         int                  `json:"size" doc:"In octets"`
	MessageID    string               `json:"message_id"`
	Subject      string               `json:"subject"`
	From         string               `json:"from"`
	To           []string             `json:"to"`
	Text         string               `json:"text"`
	Attachments  []tickets.Attachment `json:"attachments"`
	Warnings     []string             `json:"warnings"`
}

type messagesAnswer struct {
	Body struct {
		Messages []message `json:"messages"`
	}
}

func (s *service) messages(ctx context.Context, in *byNumber) (*messagesAnswer, error) {
	n, err := number("number", in.Number)
	if err != nil {
		return nil, err
	}
	if _, err := s.Tickets.Get(ctx, n); err != nil {
		return nil, err
	}
	mails, err := s.Tickets.Mails(ctx, n)
	if err != nil {
		return nil, err
	}
	out := &messagesAnswer{}
	out.Body.Messages = make([]message, len(mails))
	for i, mail := range mails {
		out.Body.Messages[i] = messageOf(mail)
	}
	return out, nil
}

func messageOf(mail tickets.Mail) message {
	m := message{
		ID: mail.ID, Ticket: mail.Ticket, State: mail.State, ReceivedAt: mail.ReceivedAt.UTC(),
		EnvelopeFrom: mail.Envelope.From, EnvelopeTo: list(mail.Envelope.To), TLS: mail.Envelope.TLS,
		Verified: mail.Envelope.Verified, Size: mail.Size, MessageID: mail.MessageID, Subject: mail.Subject,
		To: []string{}, Attachments: []tickets.Attachment{}, Warnings: []string{},
	}
	if mail.Envelope.Remote.IsValid() {
		m.Remote = mail.Envelope.Remote.String()
	}
	if alert := mail.Alert; alert != nil {
		m.From, m.To, m.Text = alert.Message.From, list(alert.Message.To), alert.Text
		m.Attachments, m.Warnings = list(alert.Attachments), list(alert.Warnings)
	}
	return m
}
