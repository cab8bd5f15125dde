// Programs that speak the configuration protocol, for the tests of @weftmesh/xds: a server made of go-control-plane and
// a client that is grpc-go. Both are told what to do line by line on stdin and answer each line with one line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cachev3 "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	serverv3 "github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// State is what a line of the server's stdin sets: names to something that changes.
type State struct {
	Version   string            `json:"version"`
	Clusters  map[string]int64  `json:"clusters"`
	Endpoints map[string]int64  `json:"endpoints"`
	Listeners map[string]string `json:"listeners"`
	Routes    map[string]string `json:"routes"`
}

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: xds server | fan | client TARGET"))
	}
	switch os.Args[1] {
	case "server":
		server()
	case "fan":
		fan()
	case "client":
		client(os.Args[2])
	default:
		fail(fmt.Errorf("no command %q", os.Args[1]))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Serves a cache on a free port, which it prints.
func serve(ctx context.Context, cache cachev3.SnapshotCache) {
	grpcServer := grpc.NewServer(grpc.MaxConcurrentStreams(1000000))
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(grpcServer, serverv3.NewServer(ctx, cache, nil))
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	go grpcServer.Serve(listen)
	fmt.Println(listen.Addr().(*net.TCPAddr).Port)
}

func server() {
	ctx := context.Background()
	cache := cachev3.NewSnapshotCache(true, cachev3.IDHash{}, nil)
	serve(ctx, cache)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var state State
		if err := json.Unmarshal(lines.Bytes(), &state); err != nil {
			fail(err)
		}
		snapshot, err := cachev3.NewSnapshot(state.Version, map[resource.Type][]types.Resource{
			resource.ClusterType:  clusters(state.Clusters),
			resource.EndpointType: endpoints(state.Endpoints),
			resource.ListenerType: listeners(state.Listeners),
			resource.RouteType:    routes(state.Routes),
		})
		if err != nil {
			fail(err)
		}
		if err := cache.SetSnapshot(ctx, "peer", snapshot); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		fmt.Println("ok")
	}
}

// A server of one assignment; a line sets how many endpoints it has, and their port.
func fan() {
	ctx := context.Background()
	cache := cachev3.NewSnapshotCache(false, cachev3.IDHash{}, nil)
	serve(ctx, cache)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var count, port int
		if _, err := fmt.Sscan(lines.Text(), &count, &port); err != nil {
			fail(err)
		}
		var all []*endpointv3.LbEndpoint
		for host := range count {
			address := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Address:       fmt.Sprintf("10.0.%d.%d", host>>8, host&255),
				PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
			}}}
			all = append(all, &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
				Endpoint: &endpointv3.Endpoint{Address: address},
			}})
		}
		assignment := &endpointv3.ClusterLoadAssignment{
			ClusterName: "e0",
			Endpoints:   []*endpointv3.LocalityLbEndpoints{{LbEndpoints: all}},
		}
		snapshot, err := cachev3.NewSnapshot(fmt.Sprint(port), map[resource.Type][]types.Resource{
			resource.EndpointType: {assignment},
		})
		if err != nil {
			fail(err)
		}
		if err := cache.SetSnapshot(ctx, "fan", snapshot); err != nil {
			fail(err)
		}
		fmt.Println("ok")
	}
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

func clusters(from map[string]int64) []types.Resource {
	var all []types.Resource
	for name, seconds := range from {
		all = append(all, &clusterv3.Cluster{
			Name:                 name,
			ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
			EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()},
			ConnectTimeout:       durationpb.New(time.Duration(seconds) * time.Second),
		})
	}
	return all
}

func endpoints(from map[string]int64) []types.Resource {
	var all []types.Resource
	for name, port := range from {
		address := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address:       "127.0.0.1",
			PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
		}}}
		endpoint := &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
			Endpoint: &endpointv3.Endpoint{Address: address},
		}}
		all = append(all, &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints:   []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{endpoint}}},
		})
	}
	return all
}

func listeners(from map[string]string) []types.Resource {
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		fail(err)
	}
	var all []types.Resource
	for name, route := range from {
		manager, err := anypb.New(&hcmv3.HttpConnectionManager{
			StatPrefix: name,
			RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{
				Rds: &hcmv3.Rds{RouteConfigName: route, ConfigSource: ads()},
			},
			HttpFilters: []*hcmv3.HttpFilter{{
				Name:       "envoy.filters.http.router",
				ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router},
			}},
		})
		if err != nil {
			fail(err)
		}
		filter := &listenerv3.Filter{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: manager},
		}
		all = append(all, &listenerv3.Listener{
			Name:         name,
			FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{filter}}},
		})
	}
	return all
}

func routes(from map[string]string) []types.Resource {
	var all []types.Resource
	for name, cluster := range from {
		action := &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
		}}
		match := &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
		all = append(all, &routev3.RouteConfiguration{
			Name: name,
			VirtualHosts: []*routev3.VirtualHost{{
				Name:    "all",
				Domains: []string{"*"},
				Routes:  []*routev3.Route{{Match: match, Action: action}},
			}},
		})
	}
	return all
}

// A client calls as often as a line says and answers with how often it heard which name.
func client(target string) {
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fail(err)
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var calls int
		if _, err := fmt.Sscan(lines.Text(), &calls); err != nil {
			fail(err)
		}
		heard := map[string]int{}
		for range calls {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			reply := &wrapperspb.StringValue{}
			err := connection.Invoke(ctx, "/peer.Echo/Who", &emptypb.Empty{}, reply)
			cancel()
			if err != nil {
				heard["error: "+err.Error()]++
			} else {
				heard[reply.Value]++
			}
		}
		var parts []string
		for name, count := range heard {
			parts = append(parts, fmt.Sprintf("%s=%d", strings.ReplaceAll(name, "\n", " "), count))
		}
		sort.Strings(parts)
		fmt.Println(strings.Join(parts, " "))
	}
}
