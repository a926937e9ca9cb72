package web

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// passkeyRow is one of one's own passkeys.
type passkeyRow struct {
	ID      string
	Name    string
	Added   when
	Used    *when
	Suspect *when
}

func (r reader) passkey(passkey auth.Passkey) passkeyRow {
	row := passkeyRow{ID: passkey.ID, Name: passkey.Name, Added: r.ago(passkey.CreatedAt)}
	if passkey.UsedAt != nil {
		at := r.ago(*passkey.UsedAt)
		row.Used = &at
	}
	if passkey.SuspectAt != nil {
		at := r.ago(*passkey.SuspectAt)
		row.Suspect = &at
	}
	return row
}

// passkeyPost is what the script posts: an authenticator's answer, and the token of the challenge that it answers.
type passkeyPost struct {
	Token  string          `json:"token"`
	Name   string          `json:"name"` // of a new passkey
	Next   string          `json:"next"` // where to go after the sign-in
	Answer json.RawMessage `json:"answer"`
}

func readPasskey(r *http.Request) (post passkeyPost, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return post, &tickets.InvalidError{Field: "body", Reason: "it is not JSON"}
	}
	err = json.NewDecoder(r.Body).Decode(&post)
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		err = &tickets.InvalidError{Field: "body", Reason: "it cannot be read"}
	}
	return post, err
}

// answerScript answers the script, which shows an error's sentence beside its button.
func answerScript(w http.ResponseWriter, status int, content any) error {
	body, err := json.Marshal(content)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader has gone; there is nobody to tell
	return nil
}

// refuseScript answers with the sentence of an error that whoever pressed the button can do something about.
func refuseScript(w http.ResponseWriter, err error) error {
	status, reason := refusalOfProof(w, err)
	if status == 0 {
		return err
	}
	return answerScript(w, status, map[string]string{"error": reason})
}

// answerChallenge hands a challenge to the script that asked for it.
func answerChallenge(w http.ResponseWriter, challenge auth.Challenge, err error) error {
	if err != nil {
		return refuseScript(w, err)
	}
	return answerScript(w, http.StatusOK, challenge)
}

// answerNext says where the script goes on, after what was done with the passkey's answer.
func answerNext(w http.ResponseWriter, to string, err error) error {
	if err != nil {
		return refuseScript(w, err)
	}
	return answerScript(w, http.StatusOK, map[string]string{"to": to})
}

// askPasskey is POST /login/passkey: a challenge for whichever passkey of this site the browser has.
func (s *Site) askPasskey(w http.ResponseWriter, r *http.Request) error {
	challenge, err := s.Auth.BeginPasskeySignIn(r.Context(), r.RemoteAddr)
	return answerChallenge(w, challenge, err)
}

// passkeyAnswer is POST /login/passkey/answer: it signs the passkey's account in.
func (s *Site) passkeyAnswer(w http.ResponseWriter, r *http.Request) error {
	post, err := readPasskey(r)
	if err != nil {
		return refuseScript(w, err)
	}
	_, err = s.Auth.PasskeySignIn(r.Context(), post.Token, post.Answer, r.RemoteAddr)
	return answerNext(w, localPath(post.Next), err)
}

// makePasskey is POST /account/passkeys: a challenge to make a passkey for whoever is signed in.
func (s *Site) makePasskey(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	challenge, err := s.Auth.BeginPasskey(r.Context(), who.ID, r.RemoteAddr)
	return answerChallenge(w, challenge, err)
}

// keepPasskey is POST /account/passkeys/answer: it keeps the passkey that was made.
func (s *Site) keepPasskey(w http.ResponseWriter, r *http.Request) error {
	post, err := readPasskey(r)
	if err != nil {
		return refuseScript(w, err)
	}
	who, _ := identity(r.Context())
	return answerNext(w, "/account?done=passkey", s.Auth.AddPasskey(r.Context(), who.ID, post.Token, post.Name, post.Answer))
}

// removePasskey is POST /account/passkeys/{passkey}/remove.
func (s *Site) removePasskey(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	err := s.Auth.RemovePasskey(r.Context(), who.ID, chi.URLParam(r, "passkey"))
	if err != nil && !errors.Is(err, tickets.ErrNotFound) { // it is removed already
		return err
	}
	redirect(w, r, "/account?done=removed")
	return nil
}
