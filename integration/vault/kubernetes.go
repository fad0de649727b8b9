package vault

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// cluster stands in for a Kubernetes API server. All Vault asks of one is the
// review of a token:
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
type cluster struct {
	reviewer string // credential of Vault

	mu     sync.Mutex
	issued map[string]account
}

type account struct{ namespace, name, uid string }

// joinCluster starts the stand-in and tells Vault of it.
func (s *Server) joinCluster(t testing.TB) {
	t.Helper()
	s.cluster = &cluster{issued: make(map[string]account)}
	api := httptest.NewServer(s.cluster)
	t.Cleanup(func() {
		api.CloseClientConnections()
		api.Close()
	})
	s.cluster.reviewer = jwt(map[string]any{"sub": "vault"})
	s.Admin(t, "POST", "auth/kubernetes/config", map[string]any{
		"kubernetes_host": api.URL, "token_reviewer_jwt": s.cluster.reviewer, "disable_local_ca_jwt": true,
	})
}

// JWT returns a new token of a service account, as a pod finds it in a file.
// The cluster honours it for an hour.
func (s *Server) JWT(namespace, name string) string {
	a := account{namespace: namespace, name: name, uid: rand.Text()}
	now := time.Now()
	token := jwt(map[string]any{
		"iss": "https://kubernetes.default.svc.cluster.local",
		"sub": "system:serviceaccount:" + namespace + ":" + name,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      namespace,
			"serviceaccount": map[string]any{"name": name, "uid": a.uid},
		},
	})
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	s.cluster.issued[token] = a
	return token
}

// ForgetJWT makes the cluster refuse a token of [Server.JWT], as when its pod
// has ended.
func (s *Server) ForgetJWT(token string) {
	s.cluster.mu.Lock()
	defer s.cluster.mu.Unlock()
	delete(s.cluster.issued, token)
}

// jwt returns a well formed token. Nobody checks its signature: Vault leaves
// that to the cluster, and the cluster knows its tokens.
func jwt(claims map[string]any) string {
	header, err := json.Marshal(map[string]any{"alg": "RS256", "typ": "JWT"})
	if err != nil {
		panic(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 256)
	rand.Read(signature)
	enc := base64.RawURLEncoding
	return enc.EncodeToString(header) + "." + enc.EncodeToString(body) + "." + enc.EncodeToString(signature)
}

// ServeHTTP reviews a token.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/apis/authentication.k8s.io/v1/tokenreviews" {
		http.NotFound(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+c.reviewer {
		http.Error(w, "not a reviewer", http.StatusUnauthorized)
		return
	}
	var review struct{ Spec struct{ Token string } }
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	a, ok := c.issued[review.Spec.Token]
	c.mu.Unlock()
	status := map[string]any{"authenticated": ok}
	if ok {
		status["user"] = map[string]any{"username": "system:serviceaccount:" + a.namespace + ":" + a.name, "uid": a.uid}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status,
	})
}
