package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"
)

//go:embed static
var staticFiles embed.FS

// asset is one file with the digest of its content in its name: it can be kept for ever.
type asset struct {
	contentType string
	content     []byte
}

type assets struct {
	byName map[string]asset  // as it is asked for
	path   map[string]string // of the file's own name
}

func loadAssets() (assets, error) {
	found := assets{map[string]asset{}, map[string]string{}}
	files, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return found, fmt.Errorf("read static files: %w", err)
	}
	for _, file := range files {
		content, err := fs.ReadFile(staticFiles, "static/"+file.Name())
		if err != nil {
			return found, fmt.Errorf("read static files: %w", err)
		}
		sum := sha256.Sum256(content)
		extension := path.Ext(file.Name())
		name := strings.TrimSuffix(file.Name(), extension) + "." + hex.EncodeToString(sum[:6]) + extension
		found.byName[name] = asset{mime.TypeByExtension(extension), content}
		found.path[file.Name()] = "/static/" + name
	}
	return found, nil
}

// named is the content of a file by its own name.
func (a assets) named(name string) []byte {
	return a.byName[strings.TrimPrefix(a.path[name], "/static/")].content
}

func (s *Site) static(w http.ResponseWriter, r *http.Request) {
	file, ok := s.assets.byName[chi.URLParam(r, "name")]
	if !ok {
		s.notFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(file.content) // the reader has gone; there is nobody to tell
}
