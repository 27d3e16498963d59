// Command network-policies holds what a node forwards to the NetworkPolicies of the cluster.
//
// kube-network-policies judges the packets that an iptables rule of the bench puts into the queue. Its own program
// can't be used here: it expects to run in a pod. The nftables rules that it makes itself need an expression ("queue")
// that not every kernel has; where they fail, it says so in the log and goes on.
package main

import (
	"context"
	"errors"
	"flag"
	"os/signal"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how the API server is reached")
	node := flag.String("node", "", "name of the node")
	queue := flag.Int("queue", 0, "number of the queue with the packets to judge")
	klog.InitFlags(nil)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, networkpolicy.Config{NodeName: *node, QueueID: *queue}); err != nil {
		klog.Exit(err)
	}
}

// run returns when ctx ends, or with the reason why no packet can be judged.
func run(ctx context.Context, kubeconfig string, config networkpolicy.Config) error {
	if config.NodeName == "" || config.QueueID == 0 {
		return errors.New("both --node and --queue are needed")
	}
	access, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	policies, core := factory.Networking().V1().NetworkPolicies(), factory.Core().V1()
	controller, err := networkpolicy.NewController(
		client, policies, core.Namespaces(), core.Pods(), nil, nil, nil, nil, config)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	return controller.Run(ctx)
}
