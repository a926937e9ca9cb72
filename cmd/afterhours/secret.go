package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// secret is the installation's key, and the one before a rotation, if that is kept. Every use derives a key of its own.
type secret struct{ key, former []byte }

// formerKeyFile holds the generated key that a rotation replaced.
const formerKeyFile = "secret.key.former"

// loadSecret returns the configured key, or the one generated into the data directory.
func loadSecret(s settings) (secret, error) {
	if s.SecretKey != "" {
		return secret{[]byte(s.SecretKey), []byte(s.FormerKey)}, nil
	}
	if err := makeDataDir(s.DataDir); err != nil {
		return secret{}, err
	}
	path := filepath.Join(s.DataDir, "secret.key")
	if err := generateKey(path); err != nil && !errors.Is(err, os.ErrExist) {
		return secret{}, fmt.Errorf("generate secret key: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return secret{}, fmt.Errorf("secret key: %w", err)
	}
	key := strings.TrimSpace(string(content))
	if len(key) < 32 {
		return secret{}, fmt.Errorf("%s holds no key: restore it from a backup, or remove it to have a new one made (stored credentials and sent links are lost then)", path)
	}
	former, err := os.ReadFile(filepath.Join(s.DataDir, formerKeyFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return secret{}, fmt.Errorf("former secret key: %w", err)
	}
	return secret{[]byte(key), []byte(strings.TrimSpace(string(former)))}, nil
}

// before is the secret as it was before the rotation; ok is false where nothing of it is kept.
func (s secret) before() (former secret, ok bool) { return secret{key: s.former}, len(s.former) > 0 }

// deriveFormer is derive with the keys before.
func (s secret) deriveFormer(purpose string) [][]byte {
	if former, ok := s.before(); ok {
		return [][]byte{former.derive(purpose)}
	}
	return nil
}

// oldest is the secret that what cannot be made anew still stands on: browsers are subscribed with a key of it.
func (s secret) oldest() secret {
	if former, ok := s.before(); ok {
		return former
	}
	return s
}

// generateKey writes a new key beside path and links it there, so that a file cut off midway is never the key and two
// processes agree on one.
func generateKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return os.ErrExist
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".secret-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(base64.RawURLEncoding.EncodeToString(random) + "\n")
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Link(file.Name(), path)
}

func (s secret) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s.key, nil, "afterhours "+purpose, 32)
	if err != nil {
		panic(err) // only an impossible length fails
	}
	return key
}

// sealer encrypts stored credentials with AES-256-GCM. The nonce is derived from the credential, so that the same one is
// always sealed to the same bytes: an export can be compared, and no nonce ever serves two texts.
type sealer struct {
	aead     cipher.AEAD
	nonceKey []byte
	former   *sealer // opens what was sealed before a rotation
}

func (s secret) sealer() (sealer, error) {
	block, err := aes.NewCipher(s.derive("stored credentials"))
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, err
	}
	made := sealer{aead: aead, nonceKey: s.derive("nonces of stored credentials")}
	if former, ok := s.before(); ok {
		before, err := former.sealer()
		if err != nil {
			return sealer{}, err
		}
		made.former = &before
	}
	return made, nil
}

const sealedPrefix = "sealed:v1:"

// Seal encrypts plain.
func (s sealer) Seal(plain string) (string, error) {
	mac := hmac.New(sha256.New, s.nonceKey)
	mac.Write([]byte(plain))
	nonce := mac.Sum(nil)[:s.aead.NonceSize()]
	return sealedPrefix + base64.RawStdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, []byte(plain), nil)), nil
}

// openIfSealed opens what Seal made and leaves anything else as it is.
func (s sealer) openIfSealed(value string) (string, error) {
	if !strings.HasPrefix(value, sealedPrefix) {
		return value, nil
	}
	return s.Open(value)
}

// Open decrypts what Seal made.
func (s sealer) Open(sealed string) (string, error) {
	encoded, ok := strings.CutPrefix(sealed, sealedPrefix)
	if !ok {
		return "", errors.New("is not sealed")
	}
	content, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(content) < s.aead.NonceSize() {
		return "", errors.New("is damaged")
	}
	nonce, content := content[:s.aead.NonceSize()], content[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, content, nil)
	if err != nil && s.former != nil {
		return s.former.Open(sealed)
	}
	if err != nil {
		return "", fmt.Errorf("cannot be decrypted: %s is not the key it was stored with", variable("secret-key"))
	}
	return string(plain), nil
}
