// A doubly linked list whose links live in the elements.
//
// An element derives from ListNode<Tag> once per list it can be in. Linking and unlinking never
// allocate; a node unlinks itself on destruction only if it is linked nowhere (checked), so that an
// element that dies while listed is found at once.
#pragma once

#include <cstddef>

#include "common/check.h"

namespace mcpgw {

template <class Tag>
class ListNode {
  public:
    ListNode() = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;
    ~ListNode() { check(!is_linked(), "a list element dies while it is linked"); }

    [[nodiscard]] bool is_linked() const { return next_ != nullptr; }
    void unlink() {
        if (!is_linked()) return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = nullptr;
        previous_ = nullptr;
    }

  private:
    template <class T, class ListTag>
    friend class List;
    ListNode* next_ = nullptr;
    ListNode* previous_ = nullptr;
};

template <class T, class Tag>
class List {
  public:
    using Node = ListNode<Tag>;

    List() { clear_links(); }
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List() {
        check(empty(), "a list dies with elements in it");
        head_.next_ = nullptr;
        head_.previous_ = nullptr;
    }

    [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
    [[nodiscard]] T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }

    void push_back(T& element) { link_before(head_, element); }
    void push_front(T& element) { link_before(*head_.next_, element); }
    T* pop_front() {
        T* first = front();
        if (first != nullptr) static_cast<Node*>(first)->unlink();
        return first;
    }
    // Moves every element of `other` to the end of this list.
    void take_all(List& other) {
        while (T* element = other.pop_front())
            push_back(*element);
    }
    template <class Visit>
    void for_each(Visit&& visit) {
        for (Node* node = head_.next_; node != &head_;) {
            Node* next = node->next_;
            visit(*static_cast<T*>(node));
            node = next;
        }
    }

  private:
    void clear_links() {
        head_.next_ = &head_;
        head_.previous_ = &head_;
    }
    static void link_before(Node& place, T& element) {
        Node& node = element;
        check(!node.is_linked(), "an element is in one list of a kind at a time");
        node.next_ = &place;
        node.previous_ = place.previous_;
        place.previous_->next_ = &node;
        place.previous_ = &node;
    }

    Node head_;
};

}  // namespace mcpgw
