// Command cert makes SPIFFE IDs, X.509 chains, bundles and tokens by chance, good ones and broken ones, and says what
// go-spiffe makes of each, one JSON line a case. As "follow ADDRESS N" it is a client of a Workload API instead, as
// "serve PATH N" the server of one.
package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	mrand "math/rand"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type line struct {
	Input   string   `json:"input,omitempty"`
	Chain   []string `json:"chain,omitempty"`
	Anchors []string `json:"anchors,omitempty"`
	At      int64    `json:"at,omitempty"`
	Bundle  string   `json:"bundle,omitempty"`
	Ok      bool     `json:"ok"`
	ID      string   `json:"id,omitempty"`
	Error   string   `json:"error,omitempty"`
	X509    int      `json:"x509,omitempty"`
	Jwt     int      `json:"jwt,omitempty"`
	What    string   `json:"what,omitempty"`
}

var (
	out  = bufio.NewWriter(os.Stdout)
	rng  *mrand.Rand
	td   = spiffeid.RequireTrustDomainFromString("td.test")
	now  = time.Now().Truncate(time.Second)
	seen int64
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func emit(value line) {
	bytes, err := json.Marshal(value)
	check(err)
	_, err = out.Write(append(bytes, '\n'))
	check(err)
}

func verdict(value line, id spiffeid.ID, err error) line {
	value.Ok = err == nil
	if err != nil {
		value.Error = err.Error()
	} else {
		value.ID = id.String()
	}
	return value
}

func one(choices ...string) string { return choices[rng.Intn(len(choices))] }
func chance(percent int) bool      { return rng.Intn(100) < percent }

// IDs: pieces put together, then now and then a character changed.
func id() string {
	text := one("spiffe://", "spiffe://", "spiffe://", "spiffe:/", "SPIFFE://", "spiffe:", "", "https://")
	text += one("td.test", "td.test", "a", "TD.test", "10.0.0.1", "td_9-a.b", "", "td.test:80", "u@td.test", "-", "..", "*.td", "[::1]")
	for n := rng.Intn(5); n > 0; n-- {
		text += one("/", "/", "/", "", "//") + one("a", "ns", "sa", ".", "..", "...", ".x", "A_b-C.9", "", "%61", "a b", "é", "~", "?q", "#f")
	}
	if chance(30) && text != "" {
		runes := []rune(text)
		runes[rng.Intn(len(runes))] = rune(rng.Intn(300))
		text = string(runes)
	}
	return text
}

func ids(count int) {
	for i := 0; i < count; i++ {
		text := id()
		parsed, err := spiffeid.FromString(text)
		emit(verdict(line{Input: text}, parsed, err))
	}
}

type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

var keys = func() (made []crypto.Signer) {
	for i := 0; i < 6; i++ {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(err)
		made = append(made, key)
	}
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	check(err)
	made = append(made, key)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	return append(made, rsaKey)
}()

func uris(texts ...string) (parsed []*url.URL) {
	for _, text := range texts {
		if uri, err := url.Parse(text); err == nil {
			parsed = append(parsed, uri)
		}
	}
	return parsed
}

func sign(template *x509.Certificate, issuer *authority) *authority {
	seen++
	template.SerialNumber = big.NewInt(seen + 1<<40)
	key := keys[rng.Intn(len(keys))]
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	check(err)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		// What Go itself cannot read is a case as well; the template stands in as a parent.
		cert = &x509.Certificate{Raw: der, RawSubject: template.RawSubject, Subject: template.Subject}
	}
	return &authority{cert, key}
}

func caTemplate(name string) *x509.Certificate {
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"td.test"}, CommonName: name},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(time.Hour),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		URIs:                  uris("spiffe://td.test"),
	}
	switch rng.Intn(14) {
	case 0:
		template.IsCA = false
	case 1:
		template.KeyUsage = x509.KeyUsageCRLSign
	case 2:
		template.NotAfter = now.Add(-time.Minute)
	case 3:
		template.NotBefore = now.Add(time.Minute)
	case 4:
		template.MaxPathLenZero = true
	case 5:
		template.PermittedURIDomains = []string{one("td.test", "other.test", ".test")}
	case 6:
		template.ExcludedURIDomains = []string{one("td.test", "other.test")}
	case 7:
		template.URIs = nil
	case 8:
		template.PermittedDNSDomains = []string{"td.test"}
	}
	return template
}

func leafTemplate() (*x509.Certificate, string) {
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"leaf"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  uris("spiffe://td.test/ns/a/sa/b"),
	}
	what := ""
	switch rng.Intn(18) {
	case 0:
		template.URIs = nil
	case 1:
		template.URIs = uris("spiffe://td.test/a", "spiffe://td.test/b")
	case 2:
		template.URIs = uris(one("spiffe://td.test", "spiffe://td.test/", "https://td.test/a", "spiffe://other.test/a", "spiffe://td.test//a", "spiffe://TD.test/a", "spiffe://td.test/a?b"))
	case 3:
		template.IsCA = true
		template.KeyUsage |= x509.KeyUsageCertSign
	case 4:
		template.KeyUsage |= x509.KeyUsageCertSign
	case 5:
		template.KeyUsage |= x509.KeyUsageCRLSign
	case 6:
		template.KeyUsage = x509.KeyUsageKeyEncipherment
	case 7:
		template.KeyUsage, what = 0, "no key usage"
	case 8:
		template.ExtKeyUsage, what = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, "half of the extended key usage"
	case 9:
		template.NotAfter = now.Add(-time.Second)
	case 10:
		template.NotBefore = now.Add(time.Second)
	case 11:
		template.NotBefore, template.NotAfter = now, now
	case 12:
		template.DNSNames = []string{one("td.test", "x.td.test", "other.test", "a,b")}
	case 13:
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: chance(50), Value: []byte{5, 0}}}
	case 14:
		template.ExtKeyUsage = nil
	}
	return template, what
}

func encode(certs ...*authority) (texts []string) {
	for _, cert := range certs {
		texts = append(texts, base64.StdEncoding.EncodeToString(cert.cert.Raw))
	}
	return texts
}

func chains(count int) {
	for i := 0; i < count; i++ {
		root := sign(caTemplate(one("root", "root", "other")), nil)
		issuer, path := root, []*authority{}
		for n := rng.Intn(3); n > 0; n-- {
			issuer = sign(caTemplate(fmt.Sprint("ca", n)), issuer)
			path = append([]*authority{issuer}, path...)
		}
		template, what := leafTemplate()
		anchors := []*authority{root}
		if chance(10) {
			anchors = append([]*authority{sign(caTemplate("root"), nil)}, anchors...)
		}
		if chance(5) {
			anchors = anchors[1:]
		}
		if chance(5) && len(path) > 0 {
			anchors, path = []*authority{path[0]}, path[1:]
		}
		path = append([]*authority{sign(template, issuer)}, path...)
		if chance(5) {
			path = append(path, root)
		}
		if chance(5) && len(path) > 1 {
			path = append(path[:1], path[2:]...)
		}
		raw := make([][]byte, len(path))
		for j, entry := range path {
			raw[j] = append([]byte(nil), entry.cert.Raw...)
		}
		if chance(40) {
			victim := raw[rng.Intn(len(raw))]
			victim[rng.Intn(len(victim))] ^= 1 << rng.Intn(8)
		}
		chain := make([]string, len(raw))
		for j, der := range raw {
			chain[j] = base64.StdEncoding.EncodeToString(der)
		}
		bundle := x509bundle.New(td)
		for _, anchor := range anchors {
			bundle.AddX509Authority(anchor.cert)
		}
		value := line{Chain: chain, Anchors: encode(anchors...), At: now.UnixMilli(), What: what}
		parsed, _, err := x509svid.ParseAndVerify(raw, bundle, x509svid.WithTime(now))
		emit(verdict(value, parsed, err))
	}
}

func goodBundle() *spiffebundle.Bundle {
	bundle := spiffebundle.New(td)
	for n := rng.Intn(3); n > 0; n-- {
		template := caTemplate("root")
		template.PermittedDNSDomains = nil
		bundle.AddX509Authority(sign(template, nil).cert)
	}
	for n := rng.Intn(3); n > 0; n-- {
		check(bundle.AddJWTAuthority(fmt.Sprint("key", n), keys[rng.Intn(len(keys))].Public()))
	}
	if chance(50) {
		bundle.SetSequenceNumber(rng.Uint64())
	}
	if chance(50) {
		bundle.SetRefreshHint(time.Duration(rng.Intn(1000)) * time.Second)
	}
	return bundle
}

func bundles(count int) {
	for i := 0; i < count; i++ {
		document, err := goodBundle().Marshal()
		check(err)
		if chance(70) {
			at := rng.Intn(len(document))
			document[at] = byte(32 + rng.Intn(95))
		}
		bundle, err := spiffebundle.Parse(td, document)
		value := verdict(line{Bundle: string(document)}, spiffeid.ID{}, err)
		if err == nil {
			value.X509, value.Jwt = len(bundle.X509Authorities()), len(bundle.JWTAuthorities())
		}
		emit(value)
	}
}

func tokens(count int) {
	set := spiffebundle.New(td)
	jwts := jwtbundle.New(td)
	for i, key := range keys {
		check(set.AddJWTAuthority(fmt.Sprint("key", i), key.Public()))
		check(jwts.AddJWTAuthority(fmt.Sprint("key", i), key.Public()))
	}
	document, err := set.Marshal()
	check(err)
	emit(line{Bundle: string(document), Ok: true})
	for i := 0; i < count; i++ {
		number := rng.Intn(len(keys))
		key := keys[number]
		algorithm := jose.ES256
		switch public := key.Public().(type) {
		case *rsa.PublicKey:
			algorithm = jose.SignatureAlgorithm(one("RS256", "RS384", "PS256", "PS512"))
		case *ecdsa.PublicKey:
			if public.Curve == elliptic.P384() {
				algorithm = jose.ES384
			}
		}
		at := time.Now().Unix()
		claims := map[string]any{"sub": "spiffe://td.test/w", "aud": []string{"svc"}, "exp": at + 600}
		kid, what := fmt.Sprint("key", number), ""
		switch rng.Intn(14) {
		case 0:
			delete(claims, one("sub", "aud", "exp"))
		case 1:
			claims["sub"] = one("", "w", "spiffe://td.test/w/", "spiffe://other.test/w", "spiffe://td.test/../w")
		case 2:
			claims["aud"] = one("svc", "other", "")
		case 3:
			claims["exp"] = at + int64(rng.Intn(3)-1)*300
		case 4:
			claims["nbf"] = at + int64(rng.Intn(3)-1)*300
		case 5:
			claims["iat"] = at + int64(rng.Intn(3)-1)*300
		case 6:
			kid = one("key0", "key1", "other")
		case 7:
			kid, what = "", "no key ID"
		case 8:
			claims["aud"] = []string{"other", "svc"}
		case 9:
			claims["sub"], what = "spiffe://td.test", "the ID of a trust domain"
		}
		options := &jose.SignerOptions{}
		if typ := one("", "JWT", "JOSE", "other"); typ != "" {
			options = options.WithType(jose.ContentType(typ))
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options)
		check(err)
		payload, err := json.Marshal(claims)
		check(err)
		object, err := signer.Sign(payload)
		check(err)
		token, err := object.CompactSerialize()
		check(err)
		if chance(30) {
			bytes := []byte(token)
			bytes[rng.Intn(len(bytes))] = byte(33 + rng.Intn(94))
			token = string(bytes)
		}
		value := line{Input: token, At: time.Now().UnixMilli(), What: what}
		svid, err := jwtsvid.ParseAndValidate(token, jwts, []string{"svc"})
		if err != nil {
			emit(verdict(value, spiffeid.ID{}, err))
		} else {
			emit(verdict(value, svid.ID, nil))
		}
	}
}

func follow(address string, updates int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address, wait := address, updates
	source, err := workloadapi.NewX509Source(ctx, workloadapi.WithClientOptions(workloadapi.WithAddr(address)))
	check(err)
	defer source.Close()
	jwt, err := workloadapi.NewJWTSource(ctx, workloadapi.WithClientOptions(workloadapi.WithAddr(address)))
	check(err)
	defer jwt.Close()
	for {
		svid, err := source.GetX509SVID()
		check(err)
		emit(line{Ok: true, ID: svid.ID.String(), Input: svid.Certificates[0].SerialNumber.Text(16)})
		if wait--; wait == 0 {
			break
		}
		check(out.Flush())
		check(source.WaitUntilUpdated(ctx))
	}
	token, err := jwt.FetchJWTSVID(ctx, jwtsvid.Params{Audience: "svc"})
	check(err)
	valid, err := jwtsvid.ParseAndValidate(token.Marshal(), jwt, []string{"svc"})
	check(err)
	emit(line{Ok: true, ID: valid.ID.String(), Input: token.Marshal()})
}

// server is a Workload API out of go-spiffe's own messages: an SVID with a new serial number every fifth of a second.
type server struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	issuer  *authority
	updates int
}

func (s *server) FetchX509SVID(_ *workload.X509SVIDRequest, stream workload.SpiffeWorkloadAPI_FetchX509SVIDServer) error {
	headers, _ := metadata.FromIncomingContext(stream.Context())
	if values := headers.Get("workload.spiffe.io"); len(values) != 1 || values[0] != "true" {
		return status.Error(codes.InvalidArgument, "security header missing from request")
	}
	for n := 0; n < s.updates; n++ {
		template := &x509.Certificate{
			NotBefore:             now.Add(-time.Hour),
			NotAfter:              now.Add(time.Hour),
			KeyUsage:              x509.KeyUsageDigitalSignature,
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			BasicConstraintsValid: true,
			URIs:                  uris("spiffe://td.test/ns/a/sa/b"),
		}
		leaf := sign(template, s.issuer)
		key, err := x509.MarshalPKCS8PrivateKey(leaf.key)
		check(err)
		svid := &workload.X509SVID{
			SpiffeId:    "spiffe://td.test/ns/a/sa/b",
			X509Svid:    leaf.cert.Raw,
			X509SvidKey: key,
			Bundle:      s.issuer.cert.Raw,
		}
		federated := map[string][]byte{"spiffe://fed.test": s.issuer.cert.Raw}
		if err := stream.Send(&workload.X509SVIDResponse{Svids: []*workload.X509SVID{svid}, FederatedBundles: federated}); err != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	<-stream.Context().Done()
	return nil
}

func (s *server) FetchJWTSVID(_ context.Context, request *workload.JWTSVIDRequest) (*workload.JWTSVIDResponse, error) {
	svid := &workload.JWTSVID{SpiffeId: "spiffe://td.test/ns/a/sa/b", Svid: "a.b." + request.Audience[0]}
	return &workload.JWTSVIDResponse{Svids: []*workload.JWTSVID{svid}}, nil
}

func serve(path string, updates int) {
	template := caTemplate("root")
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(time.Hour)
	template.PermittedURIDomains, template.ExcludedURIDomains, template.PermittedDNSDomains = nil, nil, nil
	listener, err := net.Listen("unix", path)
	check(err)
	api := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(api, &server{issuer: sign(template, nil), updates: updates})
	check(api.Serve(listener))
}

func main() {
	defer out.Flush()
	withAddress := os.Args[1] == "follow" || os.Args[1] == "serve"
	count, err := strconv.Atoi(os.Args[2])
	if withAddress {
		count, err = strconv.Atoi(os.Args[3])
	}
	check(err)
	seed := int64(1)
	if len(os.Args) > 3 && !withAddress {
		seed, err = strconv.ParseInt(os.Args[3], 10, 64)
		check(err)
	}
	rng = mrand.New(mrand.NewSource(seed))
	switch os.Args[1] {
	case "ids":
		ids(count)
	case "chains":
		chains(count)
	case "bundles":
		bundles(count)
	case "tokens":
		tokens(count)
	case "follow":
		follow(os.Args[2], count)
	case "serve":
		serve(os.Args[2], count)
	default:
		panic("ids, chains, bundles, tokens, follow or serve")
	}
}
